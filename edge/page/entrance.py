"""Signing in and out."""

from __future__ import annotations

import math

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from edge.page.context import context_of
from edge.page.doing import checked_form
from edge.page.door import SIGN_IN, Locked, TooBusy
from edge.page.forms import read_form
from edge.page.sessions import COOKIE, LASTS_SECONDS
from edge.page.words import duration


async def sign_in(request: Request) -> Response:
    """Ask for the PIN."""
    if request.scope["greenlight_session"] is not None:
        return RedirectResponse("/", 303)
    return _form(request)


async def enter(request: Request) -> Response:
    """Look at the PIN that was typed."""
    form = await read_form(request)
    context = context_of(request)
    try:
        cookie = await context.door.enter(form.one("pin"))
    except Locked as locked:
        wait = duration(math.ceil(locked.seconds))
        return _form(
            request,
            429,
            "Too many wrong PINs. Press the button on the appliance and try again, "
            f"or wait {wait}.",
            {"retry-after": str(math.ceil(locked.seconds))},
        )
    except TooBusy:
        return _form(request, 503, "Others are signing in; try again.", {"retry-after": "2"})
    if cookie is None:
        return _form(request, 403, "That is not the PIN.")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=LASTS_SECONDS,
        httponly=True,
        samesite="strict",
        secure=context.settings.encrypted,
    )
    return answer


async def sign_out(request: Request) -> Response:
    """Forget the session in this browser."""
    await checked_form(request)
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _form(
    request: Request,
    status: int = 200,
    problem: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    context = context_of(request)
    overheard = not context.settings.encrypted and request.url.hostname not in (
        *("localhost", "127.0.0.1", "::1"),
    )
    answer = context.render("sign_in.html", {"problem": problem, "overheard": overheard}, status)
    answer.headers.update(headers or {})
    return answer
