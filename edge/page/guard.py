"""What every request meets first: our name, our own origin, bounds, and headers that bind browsers.

One layer around the whole page, so that no route can forget it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.page.forms import MAX_BODY_BYTES
from edge.page.origins import host_is_ours, same_origin

# How long a client may take to accept a piece of an answer.
SEND_SECONDS = 20.0
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


class TakesNothing(Exception):
    """The client has not accepted what was sent for too long."""


class Guard:
    """Refuses what is not meant for us, and binds what browsers may do with our answers.

    Args:
        app: the page behind it.
        names: returns the names we go by, as `origins.own_names` gives them.
    """

    def __init__(self, app: ASGIApp, names: Callable[[], frozenset[str]]) -> None:
        self._app = RequestBodyLimitMiddleware(app, MAX_BODY_BYTES)
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            # The page has no other kind; a lifespan is acknowledged by not being understood.
            return
        answer = self._refusal(scope) or self._app
        # Who takes nothing is given up; the server then closes the connection.
        with contextlib.suppress(TakesNothing):
            await answer(scope, receive, _bound(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) != 1 or not host_is_ours(
            headers["host"], scope["scheme"], scope["server"], self._names()
        ):
            return _no(421, "This page is not served under that name.")
        if scope["method"] not in _METHODS:
            return _no(405, "Only GET and POST are understood.", {"allow": "GET, HEAD, POST"})
        if scope["method"] not in _SAFE_METHODS and not same_origin(headers, scope["scheme"]):
            return _no(403, "Forms are taken from this page only.")
        # A body of unknown length is measured while it comes.
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:10]) > MAX_BODY_BYTES:
            return _no(413, f"At most {MAX_BODY_BYTES} bytes are taken here.")
        return None


def _no(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    # What was sent along is not read, so the connection cannot be used for another request.
    return PlainTextResponse(
        f"{message}\n", status, headers={"connection": "close", **(headers or {})}
    )


def _bound(send: Send) -> Send:
    """Return a `send` that adds our headers, and gives up on a client that takes nothing."""

    async def bound(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                # A route may bind browsers more tightly than the page as a whole does.
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)
        except TimeoutError as error:
            raise TakesNothing from error

    return bound
