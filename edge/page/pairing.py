"""Signing in by the button: this browser shows four digits, and waits for the press.

A page without JavaScript reloads itself; with JavaScript it asks in the background.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from edge.page.actions import sign_in_form
from edge.page.auth import cookie_name
from edge.page.forms import read_form
from edge.page.middleware import PAIR, SIGN_IN
from edge.page.port import LONGEST_COOKIE, SESSION_SECONDS, AskToPair, LookAtPairing, PairingFound
from edge.page.rendering import address_of, asking, context_of, set_cookie

# As long as pairing stays open.
_COOKIE_SECONDS = 600
_CLOSED = (
    "Hold the appliance's button for 20 to 30 seconds: let go while its light counts five blinks."
    " Then choose Pair again."
)
_BUSY = "Another browser is being paired from your address, or it has asked too often. Try again."


async def ask_to_pair(request: Request) -> Response:
    """Ask the appliance for four digits to show."""
    await read_form(request)
    if request.scope["greenlight_session"] is not None:
        return RedirectResponse("/", 303)
    question = AskToPair(address_of(request), _secret(request))
    found = await asking(request)(question, PairingFound)
    if found.status == "closed":
        return sign_in_form(request, 409, _CLOSED)
    if found.status == "busy":
        return sign_in_form(request, 429, _BUSY, {"retry-after": "30"})
    answer = RedirectResponse(PAIR, 303)
    set_cookie(request, answer, found.secret, _COOKIE_SECONDS, pairing=True)
    return answer


async def look(request: Request) -> Response:
    """Show the four digits, or how the pairing ended."""
    if request.scope["greenlight_session"] is not None:
        return RedirectResponse("/", 303)
    secret = _secret(request)
    if not secret:
        return RedirectResponse(SIGN_IN, 303)
    found = await asking(request)(LookAtPairing(secret), PairingFound)
    in_background = "text/html" not in request.headers.get("accept", "text/html")
    answer: Response
    if in_background:
        answer = JSONResponse({"status": found.status})
    elif found.cookie is not None:
        answer = RedirectResponse("/pin", 303)
    else:
        answer = context_of(request).render("pair.html", {"found": found})
    if found.status == "paired" or (found.status == "ended" and not in_background):
        set_cookie(request, answer, "", 0, pairing=True)
    if found.cookie is not None:
        set_cookie(request, answer, found.cookie, SESSION_SECONDS)
    return answer


def _secret(request: Request) -> str:
    name = cookie_name(encrypted=request.url.scheme == "https", pairing=True)
    secret = request.cookies.get(name, "")
    return secret if len(secret) <= LONGEST_COOKIE and secret.isascii() else ""
