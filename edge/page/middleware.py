"""What every request passes before a route: host and origin, limits, timeouts, a session.

`SecurityMiddleware` wraps the whole page, so no route can forget it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.page.auth import host_is_ours, same_origin
from edge.page.forms import MAX_BODY_BYTES
from edge.page.port import (
    LONGEST_COOKIE,
    AppliancePort,
    CheckSession,
    Problem,
    SessionFound,
    WebSession,
)
from edge.page.rendering import cookie_of

SIGN_IN, PAIR = "/sign-in", "/pair"
# Needed by the sign-in page, and the same for everyone.
_STATIC = ("/static/", "/favicon.ico")
_PUBLIC = (*_STATIC, SIGN_IN, PAIR)
# How long a client may take to accept a chunk of a response.
SEND_SECONDS = 20.0
MAX_HEAD_BYTES = 16 * 1024
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_METHODS = _SAFE_METHODS | {"POST"}

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: with it, browsers would send our own forms with the origin `null`.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class ClientTooSlow(Exception):
    """The client took too long to accept what was sent."""


class SecurityMiddleware:
    """Refuses requests not meant for this page, and adds security headers to responses.

    Args:
        app: the page.
        names: returns the names this machine answers to, as `own_names` does.
    """

    def __init__(self, app: ASGIApp, names: Callable[[], frozenset[str]]) -> None:
        self._app = RequestBodyLimitMiddleware(app, MAX_BODY_BYTES)
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] != "http":
            # The page serves nothing else; a lifespan needs no answer.
            return
        answer = self._refusal(scope) or self._app
        # On a client that reads nothing we give up; the server then closes the connection.
        with contextlib.suppress(ClientTooSlow):
            await answer(scope, receive, _bounded(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        # The server bounds a head that arrives in parts, but not one that arrives whole.
        head = len(scope["raw_path"]) + len(scope["query_string"])
        if head + sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEAD_BYTES:
            return _refuse(431, f"The request is too large: at most {MAX_HEAD_BYTES} bytes.")
        if len(headers.getlist("host")) != 1 or not host_is_ours(
            headers["host"], scope["scheme"], scope["server"], self._names()
        ):
            return _refuse(421, "This page isn't served under that name.")
        if scope["method"] not in _METHODS:
            return _refuse(
                405, "Method not allowed: use GET or POST.", {"allow": "GET, HEAD, POST"}
            )
        if scope["method"] not in _SAFE_METHODS and not same_origin(headers, scope["scheme"]):
            return _refuse(403, "Only forms sent from this page are accepted.")
        # A body of unknown length is measured as it arrives.
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:10]) > MAX_BODY_BYTES:
            return _refuse(413, f"The body is too large: at most {MAX_BODY_BYTES} bytes.")
        return None


def _refuse(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    # The body isn't read, so the connection can't be reused.
    return PlainTextResponse(
        f"{message}\n", status, headers={"connection": "close", **(headers or {})}
    )


def _bounded(send: Send) -> Send:
    """Return a `send` that adds our headers and gives up on a client that reads nothing."""

    async def bounded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                # A route may set a stricter policy than the rest of the page.
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)
        except TimeoutError as error:
            raise ClientTooSlow from error

    return bounded


class SessionMiddleware:
    """Requires a session for everything but the sign-in.

    Args:
        app: the routes.
        appliance: checks the sessions.
        trust: is given the client of each request that has a session.
        explain: returns the response when the appliance can't be asked.
    """

    def __init__(
        self,
        app: ASGIApp,
        appliance: AppliancePort,
        trust: Callable[[tuple[str, int] | None], None],
        explain: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._appliance = appliance
        self._trust = trust
        self._explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or redirect to the sign-in."""
        path = scope["path"]
        scope["greenlight_session"] = None
        if path.startswith(_STATIC):
            # The same for everyone, so the appliance isn't asked.
            await self._app(scope, receive, send)
            return
        try:
            session = await self._session(scope)
        except Problem as problem:
            await (await self._explain(Request(scope), problem))(scope, receive, send)
            return
        scope["greenlight_session"] = session
        if session is not None:
            self._trust(scope["client"])
        if session is not None or any(path == o or path.startswith(o) for o in _PUBLIC):
            await self._app(scope, receive, send)
        elif "text/html" in Headers(scope=scope).get("accept", "text/html"):
            await RedirectResponse(SIGN_IN, 303)(scope, receive, send)
        else:
            await PlainTextResponse("Sign in first.\n", 401)(scope, receive, send)

    async def _session(self, scope: Scope) -> WebSession | None:
        cookie = cookie_of(HTTPConnection(scope))
        if not cookie or len(cookie) > LONGEST_COOKIE or not cookie.isascii():
            return None
        return (await self._appliance.ask(CheckSession(), SessionFound, cookie)).session


HEAD_SECONDS = 10.0


class HeadTimeoutProtocol(H11Protocol):
    """uvicorn's HTTP protocol, plus a timeout for a request's head; uvicorn itself has none."""

    head_seconds = HEAD_SECONDS
    # Called when the connection has ended.
    on_lost: Callable[[], None] = staticmethod(lambda: None)
    # Since when nothing has been asked on it.
    quiet_since = 0.0
    _waiting: asyncio.TimerHandle | None = None

    def is_answering(self) -> bool:
        """Return whether a request is being answered, or a page kept live."""
        return self.cycle is not None and not self.cycle.response_complete

    # asyncio hands a server a Transport; its base class promises less, and uvicorn says so too.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for the first request."""
        super().connection_made(transport)
        self.quiet_since = time.monotonic()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer, so that it keeps nothing alive."""
        super().connection_lost(exc)
        if self._waiting is not None:
            self._waiting.cancel()
        self.on_lost()

    def on_response_complete(self) -> None:
        """Start waiting for the next request."""
        # Taken first: the next request may have arrived already and start within this call.
        answered = self.cycle
        super().on_response_complete()
        self.quiet_since = time.monotonic()
        self._await_head(answered)

    def _await_head(self, answered: Any = None) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self.loop.call_later(self.head_seconds, self._check_head, answered)

    def _check_head(self, answered: Any) -> None:
        # A different cycle means that a request has arrived.
        if self.cycle is answered and not self.transport.is_closing():
            self.transport.abort()
