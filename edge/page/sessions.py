"""Who is signed in: a signed cookie, and the token that each form carries.

The key is drawn at start and mixed with the PIN's salt, so a restart or a new PIN signs everyone
out. Times are of a clock that only goes forward: a Pi may think that it is 1970.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import NamedTuple

COOKIE = "greenlight"
LASTS_SECONDS = 30 * 86_400
_MOST_CHARACTERS = 200


class Session(NamedTuple):
    """Someone who knew the PIN.

    Attributes:
        id: random, and no secret by itself.
        token: what forms of this session carry, so that no other site can send them.
    """

    id: str
    token: str


class Sessions:
    """Makes and checks sessions. Nothing is stored, so nothing can be filled up.

    Args:
        salt: returns the salt of the PIN that counts now.
        clock: returns seconds since any beginning.
    """

    def __init__(self, salt: Callable[[], str], clock: Callable[[], float]) -> None:
        self._secret = secrets.token_bytes(32)
        self._salt = salt
        self._clock = clock

    def begin(self) -> str:
        """Return the cookie of a new session."""
        ends = int(self._clock()) + LASTS_SECONDS
        payload = f"{secrets.token_urlsafe(12)}.{ends}"
        return f"{payload}.{self._sign('session', payload)}"

    def check(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie that we made and that has not ended."""
        if not cookie or len(cookie) > _MOST_CHARACTERS or not cookie.isascii():
            return None
        payload, _, mark = cookie.rpartition(".")
        if not hmac.compare_digest(mark, self._sign("session", payload)):
            return None
        name, _, ends = payload.rpartition(".")
        if int(ends) <= self._clock():
            return None
        return Session(name, self._sign("form", name))

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.digest(
            self._secret, f"{purpose}\0{self._salt()}\0{text}".encode(), "sha256"
        ).hex()


def same_token(session: Session, given: str) -> bool:
    """Say whether a form carried the session's token."""
    return hmac.compare_digest(session.token.encode(), given.encode("utf-8", "surrogatepass"))
