"""The journal's tables, one entry per schema version; `PRAGMA user_version` says which are applied.

To change the schema append a migration; never edit one that has been released, and add a journal
of the previous version to tests/edge/journal/kept/.
"""

from __future__ import annotations

_FIRST = """
CREATE TABLE picks (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    made_at  TEXT NOT NULL,
    payload  BLOB NOT NULL,
    slate    BLOB
);
CREATE TABLE decisions (
    pick_id    TEXT PRIMARY KEY,
    decision   TEXT NOT NULL CHECK (decision IN ('approved')),
    decided_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE ratings (
    id       TEXT PRIMARY KEY,
    pick_id  TEXT NOT NULL,
    source   TEXT NOT NULL CHECK (source IN ('owner', 'simulated')),
    stars    INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 10),
    rated_at TEXT NOT NULL,
    payload  BLOB NOT NULL,
    UNIQUE (pick_id, source)
) WITHOUT ROWID;
CREATE TABLE outbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    captured_at TEXT NOT NULL,
    payload     BLOB NOT NULL,
    state       TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'quarantined')),
    reason      TEXT
);
CREATE TABLE requests (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    kind    TEXT NOT NULL CHECK (kind IN ('verify', 'sync')),
    payload BLOB NOT NULL,
    scores  TEXT NOT NULL DEFAULT '[]',
    state   TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done')),
    result  TEXT
);
CREATE TABLE sync_state (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE incoming (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    version         INTEGER NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    job_id          TEXT NOT NULL,
    folder          TEXT NOT NULL,
    state           TEXT NOT NULL DEFAULT 'offered' CHECK (state IN ('offered', 'settled'))
);
CREATE TABLE activations (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    version         INTEGER NOT NULL,
    model_hash      TEXT NOT NULL,
    outcome         TEXT NOT NULL CHECK (outcome IN ('activated', 'refused', 'rolled-back')),
    reason          TEXT,
    job_id          TEXT,
    manifest_sha256 TEXT,
    recorded_at     TEXT NOT NULL
);
"""

# Without these, finding the first row of the outbox or of the requests means reading every row,
# quarantined and finished ones included.
_PENDING_FIRST = """
CREATE INDEX outbox_pending ON outbox (seq) WHERE state = 'pending';
CREATE INDEX requests_pending ON requests (kind, seq) WHERE state = 'pending';
"""

# Journals that were set aside and whose readable rows are in this one. `file` identifies each by
# its name, inode and time of change.
_TAKEN_OVER = """
CREATE TABLE taken_over (
    file    TEXT PRIMARY KEY,
    ratings INTEGER NOT NULL
) WITHOUT ROWID;
"""

# A checksum for each row, see `edge.journal.checksums`; where millions of picks are kept, only for
# the newest of them. `bad_rows` holds what was damaged, quoted as SQL.
_CHECKSUMS = """
ALTER TABLE picks ADD COLUMN checksum INTEGER;
ALTER TABLE decisions ADD COLUMN checksum INTEGER;
ALTER TABLE ratings ADD COLUMN checksum INTEGER;
ALTER TABLE outbox ADD COLUMN checksum INTEGER;
ALTER TABLE requests ADD COLUMN checksum INTEGER;
ALTER TABLE sync_state ADD COLUMN checksum INTEGER;
ALTER TABLE incoming ADD COLUMN checksum INTEGER;
ALTER TABLE activations ADD COLUMN checksum INTEGER;
ALTER TABLE picks ADD COLUMN slate_checksum INTEGER;
UPDATE picks SET slate_checksum = row_checksum(CAST(slate AS BLOB)), checksum = row_checksum(
    CAST(id AS BLOB),
    CAST(made_at AS BLOB),
    CAST(payload AS BLOB)
) WHERE seq > (SELECT max(seq) FROM picks) - 5000 OR id IN (SELECT pick_id FROM decisions);
UPDATE decisions SET checksum = row_checksum(
    CAST(pick_id AS BLOB),
    CAST(decision AS BLOB),
    CAST(decided_at AS BLOB)
);
UPDATE ratings SET checksum = row_checksum(
    CAST(id AS BLOB),
    CAST(pick_id AS BLOB),
    CAST(source AS BLOB),
    CAST(stars AS BLOB),
    CAST(rated_at AS BLOB),
    CAST(payload AS BLOB)
);
UPDATE outbox SET checksum = row_checksum(
    CAST(id AS BLOB),
    CAST(captured_at AS BLOB),
    CAST(payload AS BLOB),
    CAST(state AS BLOB),
    CAST(reason AS BLOB)
);
UPDATE requests SET checksum = row_checksum(
    CAST(id AS BLOB),
    CAST(kind AS BLOB),
    CAST(payload AS BLOB),
    CAST(scores AS BLOB),
    CAST(state AS BLOB),
    CAST(result AS BLOB)
);
UPDATE sync_state SET checksum = row_checksum(
    CAST(key AS BLOB),
    CAST(value AS BLOB)
);
UPDATE incoming SET checksum = row_checksum(
    CAST(version AS BLOB),
    CAST(manifest_sha256 AS BLOB),
    CAST(job_id AS BLOB),
    CAST(folder AS BLOB),
    CAST(state AS BLOB)
);
UPDATE activations SET checksum = row_checksum(
    CAST(version AS BLOB),
    CAST(model_hash AS BLOB),
    CAST(outcome AS BLOB),
    CAST(reason AS BLOB),
    CAST(job_id AS BLOB),
    CAST(manifest_sha256 AS BLOB),
    CAST(recorded_at AS BLOB)
);
CREATE TABLE bad_rows (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL,
    contents BLOB NOT NULL,
    found_at TEXT NOT NULL
);
"""

# A second copy of each approved pick and each rating, on other pages than the first, so that no
# damaged row or page loses one. `edge.journal.copies` fills them.
_COPIES = """
CREATE TABLE approved_copies (
    seq        INTEGER PRIMARY KEY,
    pick_id    TEXT NOT NULL UNIQUE,
    made_at    TEXT NOT NULL,
    payload    BLOB NOT NULL,
    decided_at TEXT NOT NULL,
    checksum   INTEGER
);
CREATE TABLE rating_copies (
    id       TEXT PRIMARY KEY,
    payload  BLOB NOT NULL,
    checksum INTEGER
) WITHOUT ROWID;
"""

# What took a rating's place: corrections and withdrawals, whose payloads say of what. In a table of
# their own, so that older software still finds one rating of each pick and source in `ratings`.
# Going back to it leaves this table in the journal, for when it's upgraded again.
_CORRECTIONS = """
CREATE TABLE IF NOT EXISTS corrections (
    id       TEXT PRIMARY KEY,
    pick_id  TEXT NOT NULL,
    payload  BLOB NOT NULL,
    checksum INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS corrections_of_pick ON corrections (pick_id);
CREATE TABLE journal_id (
    id       TEXT PRIMARY KEY,
    checksum INTEGER
) WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (
    *(_FIRST, _PENDING_FIRST, _TAKEN_OVER, _CHECKSUMS, _COPIES, _CORRECTIONS),
)
