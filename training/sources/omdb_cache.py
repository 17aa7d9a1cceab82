"""OMDb's replies in one SQLite file, together with the number of lookups of each day.

So a run can stop at any time (the day's quota is spent, the network fails, Ctrl-C) and the next one
continues.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from training.errors import SourceUnavailable
from training.progress import ProgressReporter
from training.sources.omdb import (
    KEY_VARIABLE,
    BadKey,
    BrokenReply,
    LookupFailed,
    Omdb,
    Question,
    QuotaSpent,
    Reply,
    Unreachable,
)

# Skip a film after this many broken replies, before it uses up the day's quota.
_BROKEN_REPLIES = 2


class Cache:
    """OMDb's replies and the lookups of each day, in one SQLite file; a context manager."""

    _SCHEMA = """
        CREATE TABLE IF NOT EXISTS replies (
            name TEXT, year INTEGER, game INTEGER, reply TEXT NOT NULL,
            PRIMARY KEY (name, year, game)
        ) STRICT;
        CREATE TABLE IF NOT EXISTS lookups (day TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT;
    """

    def __init__(self, path: Path) -> None:
        try:
            self._database = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._database.executescript(self._SCHEMA)
        except sqlite3.Error as error:
            raise SourceUnavailable(
                f"{path}: {error}; move it away to start over, or name a folder that can be "
                "written to"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()

    def find(self, question: Question) -> Reply | None:
        """Return the stored reply about this film, if there is one."""
        with closing(self._database.cursor()) as cursor:
            cursor.execute(
                "SELECT reply FROM replies WHERE name = ? AND year = ? AND game = ?",
                (question.name, question.year, question.game),
            )
            row = cursor.fetchone()
        return msgspec.json.decode(row[0], type=Reply) if row else None

    def keep(self, question: Question, reply: Reply) -> None:
        """Store a reply."""
        self._database.execute(
            "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)",
            (question.name, question.year, question.game, msgspec.json.encode(reply).decode()),
        )

    def lookups(self, day: str) -> int:
        """Return how many lookups were made that day."""
        row = self._database.execute("SELECT count FROM lookups WHERE day = ?", (day,)).fetchone()
        return int(row[0]) if row else 0

    def count_lookup(self, day: str) -> None:
        """Count a lookup before making it, because OMDb counts failed ones too."""
        self._database.execute(
            "INSERT INTO lookups VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1", (day,)
        )


def learn(
    questions: Iterable[Question],
    cache: Cache,
    omdb: Omdb | None,
    progress: ProgressReporter,
) -> None:
    """Look up the films that aren't in the cache.

    A film whose reply stays broken is skipped; the next run tries again.

    Raises:
        BadKey, QuotaSpent, Unreachable: replies so far stay in the cache; the message says how
            many films are known, and how to continue.
    """
    wanted = list(dict.fromkeys(questions))
    missing = [question for question in wanted if cache.find(question) is None]
    if not missing:
        return
    if omdb is None:
        raise BadKey(
            f"{len(missing):,} of {len(wanted):,} films need OMDb's director and genres: put your "
            f"key into the environment as {KEY_VARIABLE} (free from omdbapi.com), "
            "or use --known-only for what is known already"
        )
    for done, question in enumerate(missing, start=len(wanted) - len(missing)):
        progress("ask OMDb", done / len(wanted))
        try:
            _learn_one(question, cache, omdb)
        except SourceUnavailable as error:
            raise type(error)(
                f"{error}; {done:,} of {len(wanted):,} films are known and kept: the same command "
                "continues from there, and --known-only uses only them"
            ) from error
    progress("ask OMDb", 1.0)


def _learn_one(question: Question, cache: Cache, omdb: Omdb) -> None:
    broken = 0
    reason = ""
    for attempt in range(omdb.attempts):
        if attempt:
            longest = min(omdb.retry_cap_seconds, omdb.retry_base_seconds * 2**attempt)
            omdb.pause(random.uniform(0, longest))
        day = omdb.today()
        if cache.lookups(day) >= omdb.daily_quota:
            raise QuotaSpent(f"today's {omdb.daily_quota:,} OMDb lookups are spent; run tomorrow")
        cache.count_lookup(day)
        try:
            cache.keep(question, omdb.ask(question))
        except LookupFailed as error:
            reason = str(error)
            broken += isinstance(error, BrokenReply)
            if broken == _BROKEN_REPLIES:
                return
        else:
            return
    raise Unreachable(
        f"OMDb gives no answer about {question.name!r} ({question.year}) in "
        f"{omdb.attempts} attempts, at last: {reason}; run later"
    )
