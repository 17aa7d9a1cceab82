"""The Open Movie Database's API: who directed a film, and its genres."""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from data import wire
from data.films import normalise
from training.errors import SourceUnavailable
from training.sources.options import Options

KEY_VARIABLE = "OMDB_API_KEY"
ADDRESS_VARIABLE = "OMDB_URL"
ADDRESS = "https://www.omdbapi.com/"
_NOT_AVAILABLE = "N/A"


class BadKey(SourceUnavailable):
    """OMDb doesn't accept the key; only another key helps."""


class QuotaSpent(SourceUnavailable):
    """No more lookups today: run again tomorrow."""


class Unreachable(SourceUnavailable):
    """OMDb didn't answer several attempts: run again later."""


class Question(msgspec.Struct, frozen=True):
    """The film to look up."""

    name: str
    year: int
    game: bool = False


class Reply(msgspec.Struct, frozen=True):
    """OMDb's reply about a film.

    Attributes:
        found: False if OMDb doesn't know the film; `error` then has its message.
        director: the first one named; empty if none is.
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


class LookupFailed(Exception):
    """This attempt gave no answer; another one may."""


class BrokenReply(LookupFailed):
    """The reply wasn't valid JSON; for some films it never is."""


def _listed(text: str) -> tuple[str, ...]:
    names = (normalise(name) for name in text.split(","))
    return tuple(name for name in names if name and name != _NOT_AVAILABLE)


def _reply(body: _Body) -> Reply:
    if body.response != "True":
        return Reply(found=False, error=body.error)
    return Reply(True, next(iter(_listed(body.director)), ""), _listed(body.genre))


@dataclass(frozen=True)
class Omdb:
    """A client of OMDb.

    Attributes:
        retry_base_seconds: the longest random pause between attempts, doubled each time.
        pause: waits this many seconds.
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
        """Make one attempt.

        Raises:
            BadKey, QuotaSpent: this attempt is the last.
            LookupFailed: another attempt may succeed.
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
            raise LookupFailed(
                str(getattr(error, "reason", error)) or type(error).__name__
            ) from error
        try:
            return _reply(msgspec.json.decode(content, type=_Body))
        except msgspec.DecodeError as error:
            raise BrokenReply(f"the reply is broken ({wire.refusal(error, 'it')})") from error

    def _refused(self, status: int, content: bytes) -> None:
        try:
            problem = msgspec.json.decode(content, type=_Body).error
        except msgspec.MsgspecError:
            problem = ""
        if status == 401 and "limit" in problem.lower():
            raise QuotaSpent(f"OMDb reports {problem!r}")
        if status == 401:
            raise BadKey(
                f"OMDb does not accept the key in {KEY_VARIABLE} ({problem or 'status 401'}); "
                "check it, and that its activation mail was answered"
            )
        raise LookupFailed(f"status {status} {problem}".strip())


def from_environment(options: Options) -> Omdb | None:
    """Return a client configured from the environment; None if it has no key."""
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        return None
    address = os.environ.get(ADDRESS_VARIABLE, ADDRESS)
    return Omdb(key, address, daily_quota=options.daily_quota)
