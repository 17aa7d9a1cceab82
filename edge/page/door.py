"""The door: nothing but the sign-in is shown to someone who has not given the PIN."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.page.lockout import Lockout
from edge.page.pin import PIN_FILE, Pin, PinUnusable, read_or_make
from edge.page.sessions import COOKIE, Session, Sessions

SIGN_IN = "/sign-in"
# Needed to show the sign-in itself, and the same for everyone.
_OPEN = ("/static/", SIGN_IN, "/favicon.ico")
# One guess is looked at, so many may wait for their turn; the others are told to come again.
_MOST_WAITING = 8


class TooBusy(Exception):
    """More PINs are being tried than can be looked at; nothing was looked at."""


class Locked(Exception):
    """Too many PINs were wrong.

    Attributes:
        seconds: until the next one is looked at, unless the button is pressed.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Door:
    """Lets those in who know the PIN.

    Args:
        state: the folder that the PIN lies in.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._seen: tuple[int, int] | None = None
        self._pin = read_or_make(state)
        self.lockout = Lockout()
        self.sessions = Sessions(lambda: self.pin().salt, time.monotonic)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="page-door")
        self._waiting = 0

    def pin(self) -> Pin:
        """Return the PIN that counts now; `greenlight pin --new` takes effect at once."""
        try:
            found = (self._state / PIN_FILE).stat()
            mark = (found.st_ino, found.st_mtime_ns)
            if mark != self._seen:
                self._pin, self._seen = read_or_make(self._state), mark
        except (OSError, PinUnusable):
            # Removed or damaged while we run: the one we know stays until there is another.
            pass
        return self._pin

    async def enter(self, typed: str) -> str | None:
        """Return a session's cookie if the PIN was right, None if it was wrong.

        Raises:
            Locked: no PIN is looked at now, right or wrong.
            TooBusy: too many are being tried.
        """
        if self._waiting >= _MOST_WAITING:
            raise TooBusy
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._look, typed)
        finally:
            self._waiting -= 1

    def _look(self, typed: str) -> str | None:
        # One thread looks at one PIN after the other, so that none slips past the count.
        if seconds := self.lockout.seconds_left(time.monotonic()):
            raise Locked(seconds)
        if not self.pin().matches(typed):
            self.lockout.guessed_wrong(time.monotonic())
            return None
        self.lockout.guessed_right()
        return self.sessions.begin()

    def session(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, if it counts."""
        return self.sessions.check(cookie)

    def close(self) -> None:
        """Look at no more PINs."""
        self._thread.shutdown(cancel_futures=True)


class Doorkeeper:
    """The layer that asks for a session before any route is reached.

    Args:
        app: the routes.
        door: knows the sessions.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or show the way to the sign-in."""
        path = scope["path"]
        session = self._door.session(HTTPConnection(scope).cookies.get(COOKIE))
        scope["greenlight_session"] = session
        if session is not None or any(path == o or path.startswith(o) for o in _OPEN):
            await self._app(scope, receive, send)
        elif "text/html" in Headers(scope=scope).get("accept", "text/html"):
            await RedirectResponse(SIGN_IN, 303)(scope, receive, send)
        else:
            await PlainTextResponse("Sign in first.\n", 401)(scope, receive, send)
