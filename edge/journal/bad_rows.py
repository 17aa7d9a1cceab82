"""Finds damaged rows, sets them aside, and restores what a second copy still has."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from data.errors import InvalidRecord
from data.messages import Feedback, VerificationRequest
from data.picks import Pick
from data.wire import decode
from edge.journal.checksums import FUNCTION, SLATE_CHECKSUM, TABLES, seal, sound
from edge.journal.copies import copies_missing, make_copies, restore_from_copies

if TYPE_CHECKING:
    from edge.journal.file import JournalStore


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
    "approved_copies": _Contents("CAST(payload AS BLOB)", partial(decode, kind=Pick)),
    "rating_copies": _Contents("CAST(payload AS BLOB)", partial(decode, kind=Feedback)),
    "corrections": _Contents("CAST(payload AS BLOB)", partial(decode, kind=Feedback)),
}


class BadRows(NamedTuple):
    """What was done about damaged rows.

    Attributes:
        set_aside: how many of each kind, by a name that users know.
        repaired: how many picks, approvals and ratings were restored from a second copy.
        complete: every row was looked at.
    """

    set_aside: Counter[str]
    repaired: int
    complete: bool

    def __str__(self) -> str:
        """Return them in words: `1 pick, 2 requests`."""
        return ", ".join(f"{kind}: {count}" for kind, count in sorted(self.set_aside.items()))


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
    """Move damaged rows out of the way, and restore whatever a second copy still has.

    Approvals and ratings from before there were copies get theirs.

    Args:
        journal: to look through.
        found_at: the time, as text.
        seconds: stop looking after this long; None looks at everything.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    bad: list[tuple[str, bytes]] = []
    complete = True
    # Last, what may have millions of rows and was never confirmed.
    for name in sorted(TABLES, key=lambda name: name == "picks"):
        for key in _bad_keys(journal, name, deadline):
            if key is None:
                complete = False
                break
            bad.append((name, key))
    slates = _bad_slates(journal) if complete else []
    if not bad and not slates and not copies_missing(journal):
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
        repaired = restore_from_copies(connection) + _restore_outbox(connection, sendable)
        make_copies(connection)
    return BadRows(counted, repaired, complete)


def _bad_keys(journal: JournalStore, name: str, deadline: float | None) -> Iterator[bytes | None]:
    """Yield the keys of bad rows, newest first; None when time is up."""
    key = TABLES[name].key
    contents = _RECORDS.get(name, _Contents("NULL", bytes))
    looked_at = journal.each_row(
        # A row from before checksums is sound if it can be decoded.
        f"SELECT CAST({key} AS BLOB), {sound(name)},"
        f" CASE WHEN checksum IS NULL THEN {contents.column} END"
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
        f" AND slate_checksum != {SLATE_CHECKSUM}"
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


def _restore_outbox(connection: sqlite3.Connection, lost: list[tuple[int, bytes]]) -> int:
    """Put ratings that only `ratings` still has back into the outbox, in their old place."""
    restored = 0
    for seq, id_ in lost:
        made = connection.execute(
            "INSERT OR IGNORE INTO outbox (seq, id, captured_at, payload)"
            " SELECT ?, id, rated_at, payload FROM ("
            "SELECT id, rated_at, payload FROM sound_ratings UNION ALL"
            " SELECT id, '', payload FROM sound_corrections) WHERE CAST(id AS BLOB) = ?",
            (seq, id_),
        )
        if made.rowcount:
            seal(connection, "outbox", seq)
            restored += 1
    return restored
