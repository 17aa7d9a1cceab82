"""The pages that are read: the pick, the slate, the history, the model, its report, sync."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from edge.page.live import TooManyStreams
from edge.page.middleware import HEADERS
from edge.page.port import (
    LONGEST_TYPED,
    CheckSession,
    DirectorsFound,
    ExportHistory,
    FindDirectors,
    Problem,
    ReadReport,
    ReportFound,
    SessionFound,
    TextFound,
)
from edge.page.queries import (
    NoReport,
    history_page,
    model_page,
    pick_page,
    pin_page,
    report_page,
    slate_page,
    sync_page,
)
from edge.page.rendering import asking, context_of, session_of
from edge.page.wording import Wording

_HISTORY_PAGE = 50
_MAX_HISTORY = 2000


async def pick(request: Request) -> Response:
    """Show the pick, and why."""
    return await context_of(request).show(request, "pick.html", pick_page)


async def slate(request: Request) -> Response:
    """Show what the pick was chosen from, and the form for the next one."""
    return await context_of(request).show(request, "slate.html", slate_page)


async def directors(request: Request) -> Response:
    """Return the directors that match what was typed, as JSON."""
    typed = request.query_params.get("q", "")[:LONGEST_TYPED]
    found = await asking(request)(FindDirectors(typed), DirectorsFound)
    say = Wording(found.domain)
    return JSONResponse([{"name": one.name, "about": say.career(one)} for one in found.directors])


def _wanted(request: Request) -> int:
    text = request.query_params.get("show", "")
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return min(max(wanted, _HISTORY_PAGE), _MAX_HISTORY)


async def history(request: Request) -> Response:
    """Show predicted against real stars, newest first."""
    find = partial(history_page, most=_wanted(request), step=_HISTORY_PAGE)
    return await context_of(request).show(request, "history.html", find)


async def model(request: Request) -> Response:
    """Show the active model, its figures, and what changed."""
    return await context_of(request).show(request, "model.html", model_page)


async def sync(request: Request) -> Response:
    """Show how ratings and models travel."""
    return await context_of(request).show(request, "sync.html", sync_page)


async def events(request: Request) -> Response:
    """Stream events to keep an open page live."""
    context, session = context_of(request), session_of(request)
    ask = asking(request)

    async def valid() -> bool:
        try:
            return (await ask(CheckSession(), SessionFound)).session is not None
        except Problem:
            # While the appliance restarts, an open page has nothing to say of its session.
            return True

    stream = context.live.events(session.id, valid)
    try:
        first = await anext(stream)
    except TooManyStreams:
        return PlainTextResponse("Too many pages are open.\n", 503, {"retry-after": "30"})

    async def content() -> Any:
        try:
            yield first
            async for event in stream:
                yield event
        finally:
            # Shielded: a closed page must free its place even while it is being cancelled.
            await asyncio.shield(stream.aclose())

    return StreamingResponse(content(), media_type="text/event-stream")


async def pin(request: Request) -> Response:
    """Show the PIN to a browser that the button has just signed in."""
    return await context_of(request).show(request, "pin.html", pin_page)


# ---- the model's report: signed elsewhere, shown without being trusted here

_STYLE = re.compile(rb"<style[^>]*>(.*?)</style>", re.DOTALL)


def report_policy(report: bytes) -> str:
    """Return a report's content security policy, which names its style sheets by hash."""
    sheets = [hashlib.sha256(sheet).digest() for sheet in _STYLE.findall(report)]
    hashes = " ".join(f"'sha256-{base64.b64encode(sheet).decode()}'" for sheet in sheets)
    allowed = hashes or "'none'"
    return (
        f"default-src 'none'; style-src {allowed}; img-src data:; sandbox; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )


async def report(request: Request) -> Response:
    """Show the page around the active model's report, which is in a frame."""
    answer = await context_of(request).show(request, "report.html", report_page)
    policy = HEADERS["content-security-policy"]
    answer.headers["content-security-policy"] = f"{policy}; frame-src 'self'"
    return answer


async def report_itself(request: Request) -> Response:
    """Send the active model's report: read and checked each time, in a sandbox without scripts."""
    found = (await asking(request)(ReadReport(), ReportFound)).content
    if found is None:
        raise NoReport
    return Response(
        found,
        media_type="text/html",
        headers={
            "content-security-policy": report_policy(found),
            "content-disposition": 'inline; filename="report.html"',
            "x-frame-options": "SAMEORIGIN",
        },
    )


async def history_csv(request: Request) -> Response:
    """Return the whole history as CSV."""
    found = await asking(request)(ExportHistory(), TextFound)
    return Response(
        found.text,
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="greenlight-history.csv"'},
    )
