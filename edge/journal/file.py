"""The journal's file: opened, migrated, checked, and set aside when damaged.

Power may fail between any two instructions, so every write is one transaction in SQLite's
write-ahead log with `synchronous=FULL`. Two users of one group write (appliance and sync service):
the file is made readable and writable for the group, and its folder is expected to be setgid.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from data.durable import aside_name, rename_durably, sync_folder
from data.errors import GreenlightError
from data.exits import Exit
from edge.journal import checksums
from edge.journal.schema import MIGRATIONS

BUSY_SECONDS = 10.0
_ASK_AGAIN_SECONDS = 0.02
_GROUP_FILE = 0o660
# The log is written back every so many pages: rare large writes spare the SD card.
_CHECKPOINT_PAGES = 256
_CACHE_KIBIBYTES = 512
_LOG_BYTES = 4 * 1024 * 1024
# Under this much free space a failed write means a full disk, whatever SQLite calls it.
_FULL_BELOW_BYTES = 128 * 1024
# A start must finish well within systemd's timeout, however many picks are kept. Whatever isn't
# checked by then is checked while the appliance runs.
CHECK_SECONDS = 5.0
_CHECK_STEPS = 20_000
# Beside the journal itself: its write-ahead log has the newest confirmed writes.
_OWN_FILES = ("", "-wal")

# The suffix of a journal that was set aside.
DAMAGED, REPLACED = "damaged", "replaced"


class JournalError(GreenlightError):
    """The journal could not be read or written. Nothing has been changed."""

    exit_code = Exit.NO_STATE


class JournalDamaged(JournalError):
    """The file isn't a sound journal: set it aside and start a new one."""


class JournalTooNew(JournalError):
    """Newer software wrote this journal: update. Nothing has been changed."""

    exit_code = Exit.JOURNAL_TOO_NEW


class JournalFull(JournalError):
    """No space is left for the write: free some and try again."""


class JournalLocked(JournalError):
    """Another program keeps the journal locked: try again once it lets go."""


class JournalReadOnly(JournalError):
    """The disk can't be written to: the card may be failing."""


class JournalReplaced(JournalError):
    """The journal's files were removed or replaced while open: further writes would be lost."""


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Translate SQLite's errors into the journal's own, one class per decision of the caller."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise JournalDamaged(f"{path}: {error}") from error
        if code & 0xFF == sqlite3.SQLITE_FULL or (
            code & 0xFF == sqlite3.SQLITE_IOERR and _nearly_full(path)
        ):
            raise JournalFull(f"{path}: no space left; free some on this disk") from error
        if code & 0xFF == sqlite3.SQLITE_READONLY:
            raise JournalReadOnly(f"{path}: can't be written: {error}") from error
        if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise JournalLocked(
                f"{path}: another program keeps it locked (find it with `fuser {path}`)"
            ) from error
        raise JournalError(f"{path}: {error}") from error


def _nearly_full(path: Path) -> bool:
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _FULL_BELOW_BYTES


class JournalStore:
    """One connection to the journal, for one thread at a time; a context manager."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._files = _identities(path)

    @classmethod
    def open(cls, path: Path | str, *, make: bool = True) -> Self:
        """Open the journal, migrating it as needed.

        Args:
            path: of its main file.
            make: create the journal if it is missing.

        Raises:
            JournalDamaged: the file isn't a sound journal; nothing has been changed.
            JournalTooNew: it was written by newer software; nothing has been changed.
            JournalError: it can't be opened (permissions, missing folder, locked).
        """
        path = Path(path)
        try:
            if make:
                _touch(path)
            else:
                path.stat()
        except OSError as error:
            raise JournalError(
                f"{path}: {error.strerror}; does the folder exist, and is it ours?"
            ) from error
        with translated(path):
            connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(connection, path)
            except BaseException:
                connection.close()
                raise
            return cls(path, connection)

    @property
    def identities(self) -> list[list[int] | None]:
        """Device and inode of the files we have open: the journal and its log."""
        return _as_lists(self._files)

    def close(self) -> None:
        """Close the connection. Everything confirmed is on the disk already."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One atomic change: all of it is on the disk when the block ends, or none.

        Raises:
            JournalReplaced: what was written can't be found under the journal's name.
            JournalFull, JournalReadOnly, JournalError: nothing has been changed.
        """
        self.check_in_place()
        with translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        # Checked after the commit too: only confirm what the next start will find.
        self.check_in_place()

    def each_row(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a reading query, one after the other."""
        with translated(self.path):
            yield from self._connection.execute(sql, values)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return every row of a reading query."""
        with translated(self.path):
            return self._connection.execute(sql, values).fetchall()

    def data_version(self) -> int:
        """Return a number that changes whenever another connection has committed."""
        return int(self.rows("PRAGMA data_version")[0][0])

    def damage(self) -> str | None:
        """Return what SQLite finds wrong with the file, however long that takes."""
        found = str(self.rows("PRAGMA quick_check(1)")[0][0])
        return None if found == "ok" else f"{self.path}: {found}"

    def is_locked(self) -> bool:
        """Return, without waiting, whether another connection keeps the journal locked."""
        try:
            self._connection.execute("PRAGMA busy_timeout=0")
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={1000 * BUSY_SECONDS:.0f}")
        return False

    def replaced(self) -> bool:
        """Return whether the file at our path was replaced, so that it must be reopened."""
        return _identity(self.path) != self._files[0]

    def check_in_place(self) -> None:
        """Raise JournalReplaced if the journal's names no longer lead to the files we have open."""
        for suffix, found, ours in zip(
            _OWN_FILES, _identities(self.path), self._files, strict=True
        ):
            if found != ours:
                happened = "removed" if found is None else "replaced"
                raise JournalReplaced(f"{self.path}{suffix}: {happened} while it was in use")

    def keep_copy(self) -> Path:
        """Write all that this connection still sees to a file that the next start recovers.

        For a journal whose files were removed or replaced: the open files still hold everything.

        Raises:
            JournalError, OSError: it can't be written.
        """
        kept = aside_name(self.path, REPLACED)
        fresh = kept.with_name(f".{kept.name}.new")
        with translated(fresh):
            copy = sqlite3.connect(fresh)
            try:
                self._connection.backup(copy)
            finally:
                copy.close()
        rename_durably(fresh, kept)
        return kept


def identities(path: Path) -> list[list[int] | None]:
    """Return device and inode of the files under a journal's names, as a store's `identities`."""
    return _as_lists(_identities(path))


def _as_lists(found: tuple[tuple[int, int] | None, ...]) -> list[list[int] | None]:
    return [list(one) if one is not None else None for one in found]


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _identities(path: Path) -> tuple[tuple[int, int] | None, ...]:
    return tuple(_identity(path.with_name(path.name + suffix)) for suffix in _OWN_FILES)


def _touch(path: Path) -> None:
    # Created here and not by SQLite, so that the group may write whatever the umask; SQLite
    # gives the same mode to the log and the shared memory.
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _GROUP_FILE)
    except FileExistsError:
        return
    try:
        os.fchmod(handle, _GROUP_FILE)
    finally:
        os.close(handle)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
    # Negative: in kibibytes. SQLite's own 2 MB a connection would fill as the journal grows.
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KIBIBYTES}")
    # Damage to one table's rows may not cause an error until they are read, so look for it now.
    found = _quick_check(connection)
    if found != "ok":
        raise JournalDamaged(f"{path}: {found}")
    checksums.prepare(connection)
    _migrate(connection, path)
    checksums.make_views(connection)


def _quick_check(connection: sqlite3.Connection) -> str:
    """Return what SQLite finds within a few seconds; "ok" as well if a large file takes longer."""
    deadline = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() >= deadline, _CHECK_STEPS)
    try:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return "ok"
    finally:
        connection.set_progress_handler(None, 0)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, even if another process does so at the same moment."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            # If two processes create the log at once, SQLite fails one of them without waiting.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(_ASK_AGAIN_SECONDS)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise JournalTooNew(
            f"{path}: has schema {version}, this software knows {len(MIGRATIONS)};"
            " update Greenlight"
        )
    while version < len(MIGRATIONS):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Checked again inside the transaction: the other process may have migrated meanwhile.
            version = _version(connection)
            if version < len(MIGRATIONS):
                for statement in MIGRATIONS[version].split(";\n"):
                    connection.execute(statement)
                version += 1
                connection.execute(f"PRAGMA user_version={version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def set_aside(path: Path) -> Path:
    """Rename a damaged journal, with its log.

    Returns:
        The new name of the main file.
    """
    aside = aside_name(path, DAMAGED)
    # The log first: a new journal must never be opened with the old one's log.
    for suffix in ("-wal", "-shm", ""):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(aside.with_name(aside.name + suffix))
    sync_folder(path.parent)
    return aside
