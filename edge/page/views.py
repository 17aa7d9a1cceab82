"""The pages that are read: the pick, the slate, the history, the model, its report, sync."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from data.errors import GreenlightError
from edge.journal import Journal
from edge.journal.spreadsheet import as_csv
from edge.page import charts
from edge.page.auth import cookie_name
from edge.page.directors import MOST_TYPED, DirectorIndex
from edge.page.live import TooManyStreams
from edge.page.port import AppliancePort
from edge.page.queries import model_page, pick_page, slate_page
from edge.page.rendering import Context, context_of, session_of

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
    context, typed = context_of(request), request.query_params.get("q", "")[:MOST_TYPED]
    index = await context.queries.run(lambda appliance, _: index_of(context, appliance))
    found = index.search(typed) if index else []
    return JSONResponse(
        [
            {"name": e.name, "films": e.films, "first": e.first_year, "last": e.last_year}
            for e in found
        ]
    )


def index_of(context: Context, appliance: AppliancePort) -> DirectorIndex | None:
    """Return the index of the active model's directors, rebuilt when the model changes."""
    catalogue = appliance.catalogue()
    if catalogue is None:
        return None
    known = context.indexes.get("directors")
    if known is None or known.catalogue is not catalogue:
        known = context.indexes["directors"] = DirectorIndex(catalogue)
    return known


def _wanted(request: Request) -> int:
    text = request.query_params.get("show", "")
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return min(max(wanted, _HISTORY_PAGE), _MAX_HISTORY)


async def history(request: Request) -> Response:
    """Show predicted against real stars, newest first."""
    most = _wanted(request)

    def find(appliance: AppliancePort, journal: Journal) -> dict[str, Any]:
        entries = journal.history(most + 1)
        return {
            "entries": entries[:most],
            "timeline": charts.timeline(entries[:most]),
            "tracks": {entry.seq: charts.track(entry) for entry in entries[:most]},
            "more": most + _HISTORY_PAGE if len(entries) > most else None,
            "demonstration": appliance.status().demonstration,
        }

    return await context_of(request).show(request, "history.html", find)


async def model(request: Request) -> Response:
    """Show the active model, its figures, and what changed."""
    return await context_of(request).show(request, "model.html", model_page)


async def sync(request: Request) -> Response:
    """Show how ratings and models travel."""
    return await context_of(request).show(request, "sync.html", lambda *_: {})


async def events(request: Request) -> Response:
    """Stream events to keep an open page live."""
    context, session = context_of(request), session_of(request)
    cookie = request.cookies.get(cookie_name(encrypted=context.settings.encrypted))
    stream = context.live.events(session.id, lambda: context.auth.session(cookie) is not None)
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


# ---- the model's report: signed elsewhere, shown without being trusted here

_STYLE = re.compile(rb"<style[^>]*>(.*?)</style>", re.DOTALL)


class NoReport(GreenlightError):
    """The active model has no report; the message tells the owner why."""


def report_policy(report: bytes) -> str:
    """Return a report's content security policy, which names its style sheets by hash."""
    sheets = [hashlib.sha256(sheet).digest() for sheet in _STYLE.findall(report)]
    hashes = " ".join(f"'sha256-{base64.b64encode(sheet).decode()}'" for sheet in sheets)
    allowed = hashes or "'none'"
    return (
        f"default-src 'none'; style-src {allowed}; img-src data:; sandbox; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def report(request: Request) -> Response:
    """Show the active model's report: read and checked each time, in a sandbox without scripts."""
    found = await context_of(request).queries.run(lambda appliance, _: appliance.report())
    if found is None:
        raise NoReport("The active model came without a report.")
    return Response(
        found,
        media_type="text/html",
        headers={
            "content-security-policy": report_policy(found),
            "content-disposition": 'inline; filename="report.html"',
        },
    )


async def history_csv(request: Request) -> Response:
    """Return the whole history as CSV."""
    text = await context_of(request).queries.run(lambda _, journal: as_csv(journal.history()))
    return Response(
        text,
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="greenlight-history.csv"'},
    )
