"""The Open Movie Database's API: who directed a film, and its genres.

Replies are kept in a SQLite file together with the number of lookups of each day, so that a run
can stop at any time (the day's quota is spent, the network goes, Ctrl-C) and the next one goes on.
"""

from __future__ import annotations

import http.client
import os
import random
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from data.films import normalise
from training.errors import SourceUnavailable
from training.sources.options import Options

KEY_VARIABLE = "OMDB_API_KEY"
ADDRESS_VARIABLE = "OMDB_URL"
ADDRESS = "https://www.omdbapi.com/"
_NOT_AVAILABLE = "N/A"
# After so many broken replies a film is passed over, before it eats the day's quota.
_BROKEN_REPLIES = 2


class BadKey(SourceUnavailable):
    """OMDb does not take the key: nothing but another key helps."""


class QuotaSpent(SourceUnavailable):
    """No more lookups today: run again tomorrow."""


class Unreachable(SourceUnavailable):
    """OMDb gave no answer, in several attempts: run again later."""


class Question(msgspec.Struct, frozen=True):
    """What OMDb is asked about."""

    name: str
    year: int
    game: bool = False


class Reply(msgspec.Struct, frozen=True):
    """What OMDb says of a film.

    Attributes:
        found: False if it knows no such film; `error` then has its words.
        director: the first one named, empty if none is.
    """

    found: bool
    director: str = ""
    genres: tuple[str, ...] = ()
    error: str = ""


class _Body(msgspec.Struct, rename="pascal"):
    response: str
    error: str = ""
    director: str = _NOT_AVAILABLE
    genre: str = _NOT_AVAILABLE


class _TryAgain(Exception):
    """This attempt gave no answer; another one may."""


class _Broken(_TryAgain):
    """The reply was no JSON of theirs: some films' replies always are."""


def _listed(text: str) -> tuple[str, ...]:
    names = (normalise(name) for name in text.split(","))
    return tuple(name for name in names if name and name != _NOT_AVAILABLE)


def _reply(body: _Body) -> Reply:
    if body.response != "True":
        return Reply(found=False, error=body.error)
    return Reply(True, next(iter(_listed(body.director)), ""), _listed(body.genre))


@dataclass(frozen=True)
class Omdb:
    """The way to OMDb.

    Attributes:
        retry_base_seconds: attempts are spaced by a random time of up to this, doubled each time.
        pause: waits so many seconds.
        today: the day whose quota counts, as text.
    """

    key: str = field(repr=False)
    address: str = ADDRESS
    daily_quota: int = 1_000
    timeout_seconds: float = 20.0
    attempts: int = 5
    retry_base_seconds: float = 1.0
    retry_cap_seconds: float = 60.0
    pause: Callable[[float], None] = time.sleep
    today: Callable[[], str] = lambda: datetime.now(UTC).date().isoformat()

    def ask(self, question: Question) -> Reply:
        """Ask once.

        Raises:
            BadKey, QuotaSpent: this attempt is the last.
            _TryAgain: another attempt may succeed.
        """
        fields = {
            "t": question.name,
            "y": question.year,
            "type": "game" if question.game else "movie",
            "r": "json",
            "apikey": self.key,
        }
        url = f"{self.address}?{urllib.parse.urlencode(fields)}"
        try:
            with urllib.request.urlopen(url, timeout=self.timeout_seconds) as reply:
                content = reply.read()
        except urllib.error.HTTPError as error:
            with error:
                self._refused(error.code, error.read())
        except (OSError, http.client.HTTPException) as error:
            raise _TryAgain(str(getattr(error, "reason", error)) or type(error).__name__) from error
        try:
            return _reply(msgspec.json.decode(content, type=_Body))
        except msgspec.MsgspecError as error:
            raise _Broken(f"the reply is broken ({error})") from error

    def _refused(self, status: int, content: bytes) -> None:
        try:
            said = msgspec.json.decode(content, type=_Body).error
        except msgspec.MsgspecError:
            said = ""
        if status == 401 and "limit" in said.lower():
            raise QuotaSpent(f"OMDb says {said!r}")
        if status == 401:
            raise BadKey(
                f"OMDb does not take the key in {KEY_VARIABLE} ({said or 'status 401'}); "
                "check it, and that its activation mail was answered"
            )
        raise _TryAgain(f"status {status} {said}".strip())


def from_environment(options: Options) -> Omdb | None:
    """Return the way to OMDb that the environment names; None if it names no key."""
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        return None
    address = os.environ.get(ADDRESS_VARIABLE, ADDRESS)
    return Omdb(key, address, daily_quota=options.daily_quota)


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
                f"{path}: {error}; move it away to begin anew, or name a folder that can be "
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
        """Return what was answered, if this was ever asked."""
        with closing(self._database.cursor()) as cursor:
            cursor.execute(
                "SELECT reply FROM replies WHERE name = ? AND year = ? AND game = ?",
                (question.name, question.year, question.game),
            )
            row = cursor.fetchone()
        return msgspec.json.decode(row[0], type=Reply) if row else None

    def keep(self, question: Question, reply: Reply) -> None:
        """Keep an answer."""
        self._database.execute(
            "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)",
            (question.name, question.year, question.game, msgspec.json.encode(reply).decode()),
        )

    def lookups(self, day: str) -> int:
        """Return how many lookups were made that day."""
        row = self._database.execute("SELECT count FROM lookups WHERE day = ?", (day,)).fetchone()
        return int(row[0]) if row else 0

    def count_lookup(self, day: str) -> None:
        """Count one; before it is made, for OMDb counts those that fail, too."""
        self._database.execute(
            "INSERT INTO lookups VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1", (day,)
        )


def learn(
    questions: Iterable[Question],
    cache: Cache,
    omdb: Omdb | None,
    tell: Callable[[str, float], None],
) -> None:
    """Ask OMDb whatever the cache does not hold.

    A film whose reply stays broken is passed over; the next run asks again.

    Raises:
        BadKey, QuotaSpent, Unreachable: what is known stays in the cache; the message says how
            many films are, and how to go on.
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
        tell("ask OMDb", done / len(wanted))
        try:
            _learn_one(question, cache, omdb)
        except SourceUnavailable as error:
            raise type(error)(
                f"{error}; {done:,} of {len(wanted):,} films are known and kept: the same command "
                "goes on from there, and --known-only makes do with them"
            ) from error
    tell("ask OMDb", 1.0)


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
        except _TryAgain as error:
            reason = str(error)
            broken += isinstance(error, _Broken)
            if broken == _BROKEN_REPLIES:
                return
        else:
            return
    raise Unreachable(
        f"OMDb gives no answer about {question.name!r} ({question.year}) in "
        f"{omdb.attempts} attempts, at last: {reason}; run later"
    )
