"""Copies the journal before an upgrade, and puts the copy back after a failed one.

usage: journal_copy.py save STATE        writes a copy of STATE/journal.db to standard output
       journal_copy.py restore STATE     puts the copy on standard input in its place

Run as user greenlight: a service may plant anything in the state folder, so root itself never
opens, moves or changes a file there. Root only keeps the copy, in its own folder. This file is
handed to Python as text, so it imports the standard library alone.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

JOURNAL = "journal.db"
# What is confirmed to the owner, with the column that names a row for good. UUIDs of version 7 sort
# in the order in which they were made.
CONFIRMED = (
    *(("picks", "id"), ("decisions", "pick_id"), ("ratings", "id"), ("outbox", "id")),
    ("corrections", "id"),
)
# A table that older journals lack. Older software leaves it alone, until it's upgraded again.
CORRECTIONS = "corrections"


def save(state: Path) -> None:
    """Write a consistent copy of the journal to standard output; nothing where there is none."""
    if not (state / JOURNAL).is_file():
        return
    with tempfile.TemporaryDirectory(prefix=".before-upgrade-", dir=state) as folder:
        copy = Path(folder) / JOURNAL
        with (
            closing(sqlite3.connect(state / JOURNAL)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            _forget_id(target)
        with copy.open("rb") as content:
            shutil.copyfileobj(content, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _forget_id(copy: sqlite3.Connection) -> None:
    """Let the copy be another journal, whose numbers can't be taken for the first one's."""
    if copy.execute("SELECT 1 FROM sqlite_schema WHERE name = 'journal_id'").fetchone():
        copy.execute("DELETE FROM journal_id")
        copy.commit()


def restore(state: Path) -> str:
    """Put the copy in the journal's place if newer software has rewritten the journal.

    What was picked, approved and rated since the copy was made is taken over into it. The newer
    journal is set aside, not deleted. At every moment, also after a power cut,
    `journal.db` is a whole journal.

    Returns:
        Where the newer journal was set aside, or nothing if it stayed.
    """
    copy = _from_standard_input(state)
    journal = state / JOURNAL
    try:
        if journal.exists() and _schema(journal) == _schema(copy):
            return ""
        aside = ""
        if journal.exists():
            _write_log_back(journal)
            _take_over(journal, copy)
            folder = (
                state / f"journal-of-failed-upgrade-{time.strftime('%Y%m%d%H%M%S')}-{os.getpid()}"
            )
            folder.mkdir(mode=0o700)
            os.link(journal, folder / JOURNAL)
            for name in (f"{JOURNAL}-wal", f"{JOURNAL}-shm"):
                if (state / name).exists():
                    (state / name).rename(folder / name)
            # Before its name here goes: it must have the other for good.
            _sync_folder(folder)
            aside = str(folder)
        copy.replace(journal)
        _sync_folder(state)
        return aside
    finally:
        copy.unlink(missing_ok=True)


def _from_standard_input(state: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=".restored-", dir=state)
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        os.fsync(file.fileno())
        # The group is the sync service's: both write the journal.
        os.fchmod(file.fileno(), 0o660)
    return Path(name)


def _schema(journal: Path) -> int | None:
    try:
        with closing(sqlite3.connect(journal)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            return int(version)
    except sqlite3.DatabaseError:
        return None


def _write_log_back(journal: Path) -> None:
    """Move what is still in the write-ahead log into the file itself, which then stands alone."""
    try:
        with closing(sqlite3.connect(journal)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        pass  # a damaged journal is set aside as it is


def _take_over(newer: Path, copy: Path) -> None:
    """Copy rows that only the newer journal has, as far as both know their columns."""
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("ATTACH ? AS newer", (str(newer),))
            connection.execute("BEGIN")
            _bring_corrections(connection)
            for table, key in CONFIRMED:
                columns = ", ".join(_shared_columns(connection, table))
                connection.execute(
                    f"INSERT OR IGNORE INTO main.{table} ({columns})"
                    f" SELECT {columns} FROM newer.{table} WHERE {key} NOT IN"
                    f" (SELECT {key} FROM main.{table}) ORDER BY {key}"
                )
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        # The copy alone is better than nothing, and the newer journal stays beside it.
        print(f"what was rated since the upgrade was not taken over: {error}", file=sys.stderr)


def _bring_corrections(connection: sqlite3.Connection) -> None:
    """Give the copy the newer journal's table of corrections, unless it has one."""
    made = "SELECT sql FROM {}.sqlite_schema WHERE tbl_name = ? AND sql NOT NULL ORDER BY rootpage"
    if not connection.execute(made.format("main"), (CORRECTIONS,)).fetchall():
        for (sql,) in connection.execute(made.format("newer"), (CORRECTIONS,)).fetchall():
            connection.execute(sql)


def _shared_columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns that both versions have, without the number that each gives out itself."""
    known = [
        {row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({table})")}
        for schema in ("main", "newer")
    ]
    return sorted((known[0] & known[1]) - {"seq"})


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


if __name__ == "__main__":
    os.umask(0o007)
    verb, place = sys.argv[1:]
    if verb == "save":
        save(Path(place))
    else:
        print(restore(Path(place)))
