"""The pages that are read: the pick, the slate, the history, the model, delivery."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from data.films import KINDS
from edge.appliance.machine import Phase
from edge.journal import Journal
from edge.page import charts
from edge.page.context import Context, context_of, session_of
from edge.page.desk import newest
from edge.page.directors import MOST_TYPED, DirectorIndex
from edge.page.forms import fields_of
from edge.page.grid import grid_of, read_answer
from edge.page.house import House
from edge.page.live import TooManyStreams
from edge.page.models import models
from edge.page.sessions import COOKIE

_PAGE_OF_HISTORY = 50
_MOST_HISTORY = 2000


def find_pick(house: House, journal: Journal) -> dict[str, Any]:
    """Return what the pick's page shows."""
    found = newest(house, journal)
    entry, answer = found.entry, found.answer
    values: dict[str, Any] = {
        "entry": entry,
        "answer": answer,
        "awaiting": found.awaiting,
        "searching": house.standing().phase is Phase.SEARCHING,
    }
    if entry is not None:
        values["chart"] = charts.distribution(entry.pick.prediction)
        values["rays"] = charts.rays(entry.pick.prediction)
        why = answer.picks[0].why if answer and answer.picks else None
        values["reasons"] = charts.reasons(entry.pick, why) if why else None
    return values


async def pick(request: Request) -> Response:
    """The film to make, why, and what is to be done."""
    return await context_of(request).show(request, "pick.html", find_pick)


def find_slate(house: House, journal: Journal) -> dict[str, Any]:
    """Return what the slate's page shows."""
    entries = journal.history(1)
    answer = read_answer(journal.slate_of(entries[0].pick.id)) if entries else None
    catalogue = house.catalogue()
    return {
        "entry": entries[0] if entries else None,
        "answer": answer,
        "grid": grid_of(answer) if answer else None,
        "catalogue": catalogue,
        "kinds": KINDS,
        "fields": fields_of(house.narrowing()),
        "typed": "",
        "found": None,
        "wrong": None,
    }


async def slate(request: Request) -> Response:
    """What the pick was chosen from, and what the next one shall be."""
    return await context_of(request).show(request, "slate.html", find_slate)


async def directors(request: Request) -> Response:
    """The directors that match what was typed, for search-as-you-type."""
    context, typed = context_of(request), request.query_params.get("q", "")[:MOST_TYPED]
    index = await context.desk.ask(lambda house, _: index_of(context, house))
    found = index.search(typed) if index else []
    return JSONResponse(
        [
            {"name": e.name, "films": e.films, "first": e.first_year, "last": e.last_year}
            for e in found
        ]
    )


def index_of(context: Context, house: House) -> DirectorIndex | None:
    """Return the index of the active model's directors, made anew when the model changes."""
    catalogue = house.catalogue()
    if catalogue is None:
        return None
    known = context.indexes.get("directors")
    if known is None or known.catalogue is not catalogue:
        known = context.indexes["directors"] = DirectorIndex(catalogue)
    return known


def _most(request: Request) -> int:
    text = request.query_params.get("show", "")
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return min(max(wanted, _PAGE_OF_HISTORY), _MOST_HISTORY)


async def history(request: Request) -> Response:
    """Predicted against real stars, newest first."""
    most = _most(request)

    def find(house: House, journal: Journal) -> dict[str, Any]:
        entries = journal.history(most + 1)
        return {
            "entries": entries[:most],
            "timeline": charts.timeline(entries[:most]),
            "tracks": {entry.seq: charts.track(entry) for entry in entries[:most]},
            "more": most + _PAGE_OF_HISTORY if len(entries) > most else None,
            "demonstration": house.standing().demonstration,
        }

    return await context_of(request).show(request, "history.html", find)


async def model(request: Request) -> Response:
    """The model that answers, its figures, and what changed."""
    return await context_of(request).show(request, "model.html", models)


async def delivery(request: Request) -> Response:
    """How ratings travel up and models down."""
    return await context_of(request).show(request, "delivery.html", lambda *_: {})


async def events(request: Request) -> Response:
    """The stream that keeps an open page live."""
    context, session = context_of(request), session_of(request)
    cookie = request.cookies.get(COOKIE)
    stream = context.live.events(session.id, lambda: context.door.session(cookie) is not None)
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
