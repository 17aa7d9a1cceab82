"""A checksum for each row, so that rows a failing card has changed are never used.

SQLite's own check covers the file's structure, not the content of its rows. Every row we write has
a CRC-32 of its columns. Readers see sound rows only, through the views made here; damaged ones are
set aside in `bad_rows`. A row without a checksum is older than checksums, and used as it is if it
can be decoded.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from data.errors import InvalidRecord
from data.messages import Feedback, VerificationRequest
from data.picks import Pick
from data.wire import decode

if TYPE_CHECKING:
    from edge.journal.file import JournalStore

FUNCTION = "row_checksum"
_CHECKSUM = "checksum"


class _Table(NamedTuple):
    key: str
    columns: tuple[str, ...]
    called: str


TABLES = {
    "picks": _Table("seq", ("id", "made_at", "payload"), "pick"),
    "decisions": _Table("pick_id", ("pick_id", "decision", "decided_at"), "approval"),
    "ratings": _Table("id", ("id", "pick_id", "source", "stars", "rated_at", "payload"), "rating"),
    "outbox": _Table(
        "seq", ("id", "captured_at", "payload", "state", "reason"), "rating to be sent"
    ),
    "requests": _Table("seq", ("id", "kind", "payload", "scores", "state", "result"), "request"),
    "sync_state": _Table("key", ("key", "value"), "report of the sync service"),
    "incoming": _Table(
        "seq", ("version", "manifest_sha256", "job_id", "folder", "state"), "offered model"
    ),
    "activations": _Table(
        "seq",
        (
            "version",
            "model_hash",
            "outcome",
            "reason",
            "job_id",
            "manifest_sha256",
            "recorded_at",
        ),
        "record of a model",
    ),
}


class _Contents(NamedTuple):
    """A column that holds a record, and what decodes it."""

    column: str
    decoded: Callable[[bytes], object]

    def is_readable(self, content: bytes | None) -> bool:
        """Return whether there is nothing to decode, or it can be."""
        try:
            if content is not None:
                self.decoded(content)
        except (InvalidRecord, msgspec.DecodeError):
            return False
        return True


_RECORDS = {
    "picks": _Contents("CAST(payload AS BLOB)", partial(decode, kind=Pick)),
    "ratings": _Contents("CAST(payload AS BLOB)", partial(decode, kind=Feedback)),
    "outbox": _Contents("CAST(payload AS BLOB)", partial(decode, kind=Feedback)),
    "requests": _Contents(
        "CASE kind WHEN 'verify' THEN CAST(payload AS BLOB) END",
        partial(decode, kind=VerificationRequest),
    ),
    "sync_state": _Contents("CAST(value AS BLOB)", msgspec.json.decode),
}
# A pick is worth keeping even without its slate.
_SLATE = f"{FUNCTION}(CAST(slate AS BLOB))"


class BadRows(NamedTuple):
    """What was done about damaged rows.

    Attributes:
        set_aside: how many of each kind, by a name that users know.
        repaired: how many ratings were restored from their second copy.
        complete: every row was looked at.
    """

    set_aside: Counter[str]
    repaired: int
    complete: bool

    def __str__(self) -> str:
        """Return them in words: `1 pick, 2 requests`."""
        return ", ".join(f"{kind}: {count}" for kind, count in sorted(self.set_aside.items()))


def prepare(connection: sqlite3.Connection) -> None:
    """Register the checksum function on this connection; migrations need it."""
    connection.create_function(FUNCTION, -1, _crc, deterministic=True)


def make_views(connection: sqlite3.Connection) -> None:
    """Create a view `sound_<table>` of each table's sound rows on this connection."""
    connection.execute("PRAGMA temp_store=MEMORY")
    for table in TABLES:
        connection.execute(
            f"CREATE TEMP VIEW sound_{table} AS SELECT * FROM main.{table} WHERE {sound(table)}"
        )


def expression(table: str, **changed: str) -> str:
    """Return SQL for a row's checksum, with expressions in place of columns about to change."""
    columns = (changed.get(column, column) for column in TABLES[table].columns)
    # As bytes: damaged text may not be UTF-8, which can't be passed to a function.
    return f"{FUNCTION}({', '.join(f'CAST({column} AS BLOB)' for column in columns)})"


def sound(table: str) -> str:
    """Return an SQL condition for the rows of this table that are as they were written."""
    return f"({_CHECKSUM} IS NULL OR {_CHECKSUM} = {expression(table)})"


def seal(connection: sqlite3.Connection, table: str, key: object) -> None:
    """Give a row just inserted its checksum, within the same transaction."""
    slate = f", slate_checksum = {_SLATE}" if table == "picks" else ""
    connection.execute(
        f"UPDATE {table} SET {_CHECKSUM} = {expression(table)}{slate}"
        f" WHERE {TABLES[table].key} = ?",
        (key,),
    )


def seal_all(connection: sqlite3.Connection, table: str) -> None:
    """Give every row without a checksum one, within the same transaction."""
    slate = f", slate_checksum = {_SLATE}" if table == "picks" else ""
    connection.execute(
        f"UPDATE {table} SET {_CHECKSUM} = {expression(table)}{slate} WHERE {_CHECKSUM} IS NULL"
    )


def slate_of(journal: JournalStore, pick_id: str) -> bytes | None:
    """Return a pick's slate as it was written; None where it is damaged or missing."""
    found = journal.rows(
        "SELECT slate FROM sound_picks WHERE id = ?"
        f" AND (slate_checksum IS NULL OR slate_checksum = {_SLATE})",
        pick_id,
    )
    return found[0][0] if found else None


def count_bad(journal: JournalStore) -> Counter[str]:
    """Return how many rows of each kind are damaged, by names that users know.

    Reads every row, and decodes every record.
    """
    found: Counter[str] = Counter()
    for name, table in TABLES.items():
        ((bad,),) = journal.rows(f"SELECT count(*) FROM {name} WHERE NOT {sound(name)}")
        found[table.called] += bad
    for name, contents in _RECORDS.items():
        for (content,) in journal.each_row(f"SELECT {contents.column} FROM sound_{name}"):
            found[TABLES[name].called] += not contents.is_readable(content)
    return +found


def set_aside_before(journal: JournalStore) -> Counter[str]:
    """Return how many rows of each kind were set aside so far."""
    found = journal.rows("SELECT kind, count(*) FROM bad_rows GROUP BY kind")
    return Counter({TABLES[kind].called if kind in TABLES else kind: n for kind, n in found})


def set_bad_rows_aside(
    journal: JournalStore, found_at: str, seconds: float | None = None
) -> BadRows:
    """Move damaged rows out of the way, and restore ratings from their second copy.

    A rating is in the journal twice until the cloud has it: in `ratings` and in the outbox.

    Args:
        journal: to look through.
        found_at: the time, as text.
        seconds: stop looking after this long; None looks at everything.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    bad: list[tuple[str, bytes]] = []
    complete = True
    for name in TABLES:
        for key in _bad_keys(journal, name, deadline):
            if key is None:
                complete = False
                break
            bad.append((name, key))
    slates = _bad_slates(journal) if complete else []
    if not bad and not slates:
        return BadRows(Counter(), 0, complete)
    counted: Counter[str] = Counter()
    with journal.transaction() as connection:
        sendable = _ids_of_outbox(connection, bad)
        for name, key in bad:
            _move(connection, name, key, found_at)
            counted[TABLES[name].called] += 1
        for seq in slates:
            connection.execute(
                f"UPDATE picks SET slate = NULL, slate_checksum = {FUNCTION}(NULL) WHERE seq = ?",
                (seq,),
            )
            counted["slate"] += 1
        repaired = restore_ratings(connection) + _restore_outbox(connection, sendable)
    return BadRows(counted, repaired, complete)


def _crc(*values: bytes | None) -> int:
    crc = 0
    for value in values:
        # The length keeps ("ab", "c") apart from ("a", "bc"), and NULL from an empty text.
        head = b"-" if value is None else b"%d:" % len(value)
        crc = zlib.crc32(value or b"", zlib.crc32(head, crc))
    return crc


def _bad_keys(journal: JournalStore, name: str, deadline: float | None) -> Iterator[bytes | None]:
    """Yield the keys of bad rows, newest first; None when time is up."""
    key = TABLES[name].key
    contents = _RECORDS.get(name, _Contents("NULL", bytes))
    looked_at = journal.each_row(
        # A row from before checksums is sound if it can be decoded.
        f"SELECT CAST({key} AS BLOB), {sound(name)},"
        f" CASE WHEN {_CHECKSUM} IS NULL THEN {contents.column} END"
        f" FROM main.{name} ORDER BY {key} DESC"
    )
    for found, is_sound, content in looked_at:
        if deadline is not None and time.monotonic() >= deadline:
            yield None
            return
        if not (is_sound and contents.is_readable(content)):
            yield found


def _bad_slates(journal: JournalStore) -> list[int]:
    found = journal.rows(
        "SELECT seq FROM sound_picks WHERE slate_checksum IS NOT NULL"
        f" AND slate_checksum != {_SLATE}"
    )
    return [seq for (seq,) in found]


def _move(connection: sqlite3.Connection, name: str, key: bytes, found_at: str) -> None:
    table = TABLES[name]
    contents = " || ', ' || ".join(f"quote({column})" for column in table.columns)
    where = f"CAST({table.key} AS BLOB) = ?"
    connection.execute(
        "INSERT INTO bad_rows (kind, contents, found_at)"
        f" SELECT ?, CAST({contents} AS BLOB), ? FROM {name} WHERE {where}",
        (name, found_at, key),
    )
    connection.execute(f"DELETE FROM {name} WHERE {where}", (key,))


def _ids_of_outbox(
    connection: sqlite3.Connection, bad: list[tuple[str, bytes]]
) -> list[tuple[int, bytes]]:
    """Return sequence number and id, as far as they can be read, of bad rows of the outbox."""
    found = []
    for name, key in bad:
        if name == "outbox":
            (id_,) = connection.execute(
                "SELECT CAST(id AS BLOB) FROM outbox WHERE CAST(seq AS BLOB) = ?", (key,)
            ).fetchone()
            found.append((int(key), id_))
    return found


def insert_rating(
    connection: sqlite3.Connection, feedback: Feedback, payload: bytes, *, if_missing: bool = False
) -> bool:
    """Write a rating with its checksum; with `if_missing`, leave an existing one alone.

    Returns:
        Whether it was written.
    """
    made = connection.execute(
        f"INSERT {'OR IGNORE ' if if_missing else ''}INTO ratings"
        " (id, pick_id, source, stars, rated_at, payload) VALUES (?, ?, ?, ?, ?, ?)",
        (
            feedback.id,
            feedback.pick_id,
            feedback.source,
            feedback.stars,
            feedback.rated_at,
            payload,
        ),
    )
    if made.rowcount:
        seal(connection, "ratings", feedback.id)
    return bool(made.rowcount)


def restore_ratings(connection: sqlite3.Connection) -> int:
    """Write ratings again that only the outbox still has."""
    lost = connection.execute(
        "SELECT payload FROM sound_outbox WHERE id NOT IN (SELECT id FROM ratings) ORDER BY seq"
    ).fetchall()
    restored = 0
    for (payload,) in lost:
        feedback = _feedback(payload)
        if feedback is None:
            continue
        restored += insert_rating(connection, feedback, payload, if_missing=True)
    return restored


def _restore_outbox(connection: sqlite3.Connection, lost: list[tuple[int, bytes]]) -> int:
    """Put ratings that only `ratings` still has back into the outbox, in their old place."""
    restored = 0
    for seq, id_ in lost:
        made = connection.execute(
            "INSERT OR IGNORE INTO outbox (seq, id, captured_at, payload)"
            " SELECT ?, id, rated_at, payload FROM sound_ratings WHERE CAST(id AS BLOB) = ?",
            (seq, id_),
        )
        if made.rowcount:
            seal(connection, "outbox", seq)
            restored += 1
    return restored


def _feedback(payload: object) -> Feedback | None:
    try:
        return decode(payload if isinstance(payload, bytes) else b"", Feedback)
    except InvalidRecord:
        return None
