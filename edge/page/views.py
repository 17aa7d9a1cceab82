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
from edge.page.auth import COOKIE
from edge.page.directors import MOST_TYPED, DirectorIndex
from edge.page.live import TooManyStreams
from edge.page.port import AppliancePort
from edge.page.queries import model_page, pick_page, slate_page
from edge.page.rendering import Context, context_of, session_of

_HISTORY_PAGE = 50
_MAX_HISTORY = 2000


async def pick(request: Request) -> Response:
    """The film to make, why, and what is to be done."""
    return await context_of(request).show(request, "pick.html", pick_page)


async def slate(request: Request) -> Response:
    """What the pick was chosen from, and what the next one shall be."""
    return await context_of(request).show(request, "slate.html", slate_page)


async def directors(request: Request) -> Response:
    """The directors that match what was typed, for search-as-you-type."""
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
    """Return the index of the active model's directors, made anew when the model changes."""
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
    """Predicted against real stars, newest first."""
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
    """The model that answers, its figures, and what changed."""
    return await context_of(request).show(request, "model.html", model_page)


async def sync(request: Request) -> Response:
    """How ratings travel up and models down."""
    return await context_of(request).show(request, "sync.html", lambda *_: {})


async def events(request: Request) -> Response:
    """The stream that keeps an open page live."""
    context, session = context_of(request), session_of(request)
    cookie = request.cookies.get(COOKIE)
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
            # Shielded: a page that was closed must free its place even while it is cancelled.
            await asyncio.shield(stream.aclose())

    return StreamingResponse(content(), media_type="text/event-stream")


# ---- the model's report: signed elsewhere, shown without being trusted here

_STYLE = re.compile(rb"<style[^>]*>(.*?)</style>", re.DOTALL)


class NoReport(GreenlightError):
    """There is none to show; the message says why, for the owner."""


def report_policy(report: bytes) -> str:
    """Return the content security policy of a report, which names its style sheets by hash."""
    sheets = [hashlib.sha256(sheet).digest() for sheet in _STYLE.findall(report)]
    hashes = " ".join(f"'sha256-{base64.b64encode(sheet).decode()}'" for sheet in sheets)
    allowed = hashes or "'none'"
    return (
        f"default-src 'none'; style-src {allowed}; img-src data:; sandbox; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def report(request: Request) -> Response:
    """The report of the model that answers."""
    found = await context_of(request).queries.run(lambda appliance, _: appliance.report())
    if found is None:
        raise NoReport("The model that answers came without one.")
    return Response(
        found,
        media_type="text/html",
        headers={
            "content-security-policy": report_policy(found),
            "content-disposition": 'inline; filename="report.html"',
        },
    )


async def history_csv(request: Request) -> Response:
    """The whole history to download."""
    text = await context_of(request).queries.run(lambda _, journal: as_csv(journal.history()))
    return Response(
        text,
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="greenlight-history.csv"'},
    )
