"""Records which objects, by key, and ratings, by id, have been processed.

A SQLite file in the work folder. Objects are listed first and processed later, so a run that was
killed continues where it stopped. A shard is recorded in the same transaction that marks its
objects as processed.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    key TEXT PRIMARY KEY, taken INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS untaken ON objects (key) WHERE NOT taken;
CREATE TABLE IF NOT EXISTS ratings (
    id BLOB PRIMARY KEY, sha256 BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rejects (key TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY, ratings INTEGER NOT NULL);
"""
_LISTED_AT_ONCE = 10_000


class Ledger:
    """An open ledger; the caller closes it."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything that happens inside, or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def add(self, keys: Iterable[str]) -> None:
        """Record listed objects; known ones change nothing."""
        some: list[tuple[str]] = []
        for key in keys:
            some.append((key,))
            if len(some) == _LISTED_AT_ONCE:
                self._add(some)
                some = []
        self._add(some)

    def _add(self, keys: list[tuple[str]]) -> None:
        with self.transaction():
            self._database.executemany("INSERT OR IGNORE INTO objects (key) VALUES (?)", keys)

    def untaken(self, most: int) -> list[str]:
        """Return objects that are listed but not yet processed, ordered by key."""
        rows = self._database.execute(
            "SELECT key FROM objects WHERE NOT taken ORDER BY key LIMIT ?", (most,)
        )
        return [key for (key,) in rows]

    def take(self, keys: Iterable[str]) -> None:
        """Mark objects as processed."""
        self._database.executemany(
            "UPDATE objects SET taken = 1 WHERE key = ?", [(key,) for key in keys]
        )

    def is_new(self, rating_id: str, sha256: bytes) -> bool | None:
        """Record a rating; return whether it is new, or None if its id had different content."""
        key = uuid.UUID(rating_id).bytes
        added = self._database.execute(
            "INSERT OR IGNORE INTO ratings (id, sha256) VALUES (?, ?)", (key, sha256)
        )
        if added.rowcount:
            return True
        (before,) = self._database.execute("SELECT sha256 FROM ratings WHERE id = ?", (key,))
        return False if before == (sha256,) else None

    def reject(self, key: str, reason: str) -> None:
        """Record why an object was rejected."""
        self._database.execute("INSERT OR REPLACE INTO rejects VALUES (?, ?)", (key, reason))

    def add_shard(self, number: int, ratings: int) -> None:
        """Record a shard."""
        self._database.execute("INSERT INTO shards VALUES (?, ?)", (number, ratings))

    def shards(self) -> list[int]:
        """Return the numbers of all recorded shards, in order."""
        rows = self._database.execute("SELECT number FROM shards ORDER BY number")
        return [number for (number,) in rows]

    def rejects(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason of each rejected object, ordered by key."""
        yield from self._database.execute("SELECT key, reason FROM rejects ORDER BY key")

    def count(self, table: str) -> int:
        """Return how many `objects`, `ratings` or `rejects` there are."""
        ((number,),) = self._database.execute(f"SELECT count(*) FROM {table}")
        return int(number)

    def remaining(self) -> int:
        """Return how many objects are listed but not yet processed."""
        ((number,),) = self._database.execute("SELECT count(*) FROM objects WHERE NOT taken")
        return int(number)
