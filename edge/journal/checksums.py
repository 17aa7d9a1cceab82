"""A checksum for each row, so that rows a failing card has changed are never used.

SQLite's own check covers the file's structure, not the content of its rows. Every row we write has
a CRC-32 of its columns. Readers see sound rows only, through the views made here; damaged ones are
set aside (`edge.journal.bad_rows`). A row without a checksum is older than checksums, and used as
it is if it can be decoded.
"""

from __future__ import annotations

import sqlite3
import zlib
from typing import TYPE_CHECKING, NamedTuple

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
    "approved_copies": _Table(
        "seq", ("pick_id", "made_at", "payload", "decided_at"), "second copy of an approval"
    ),
    "rating_copies": _Table("id", ("id", "payload"), "second copy of a rating"),
    "corrections": _Table("id", ("id", "pick_id", "payload"), "correction of a rating"),
    "journal_id": _Table("id", ("id",), "id of the journal"),
}


# A pick is worth keeping even without its slate.
SLATE_CHECKSUM = f"{FUNCTION}(CAST(slate AS BLOB))"


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
    slate = f", slate_checksum = {SLATE_CHECKSUM}" if table == "picks" else ""
    connection.execute(
        f"UPDATE {table} SET {_CHECKSUM} = {expression(table)}{slate}"
        f" WHERE {TABLES[table].key} = ?",
        (key,),
    )


def seal_all(connection: sqlite3.Connection, table: str) -> None:
    """Give every row without a checksum one, within the same transaction."""
    slate = f", slate_checksum = {SLATE_CHECKSUM}" if table == "picks" else ""
    connection.execute(
        f"UPDATE {table} SET {_CHECKSUM} = {expression(table)}{slate} WHERE {_CHECKSUM} IS NULL"
    )


def slate_of(journal: JournalStore, pick_id: str) -> bytes | None:
    """Return a pick's slate as it was written; None where it is damaged or missing."""
    found = journal.rows(
        "SELECT slate FROM sound_picks WHERE id = ?"
        f" AND (slate_checksum IS NULL OR slate_checksum = {SLATE_CHECKSUM})",
        pick_id,
    )
    return found[0][0] if found else None


def _crc(*values: bytes | None) -> int:
    crc = 0
    for value in values:
        # The length keeps ("ab", "c") apart from ("a", "bc"), and NULL from an empty text.
        head = b"-" if value is None else b"%d:" % len(value)
        crc = zlib.crc32(value or b"", zlib.crc32(head, crc))
    return crc
