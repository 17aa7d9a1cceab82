"""The history as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io

from starlette.requests import Request
from starlette.responses import Response

from data.films import genre_slots
from edge.journal import HistoryEntry
from edge.page.context import context_of

COLUMNS = (
    *("number", "picked_at", "title", "director", "year", "genre1", "genre2", "genre3"),
    *("expected", "decision", "stars", "rating_source", "rated_at", "delivery"),
    *("model_version", "model_hash", "pick_id", "explored"),
)
# A spreadsheet takes text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(entries: list[HistoryEntry]) -> str:
    """Return the history as CSV, oldest first; a pick with two ratings takes two lines."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for entry in reversed(entries):
        pick = entry.pick
        told = (pick.title, pick.director, pick.year, *genre_slots(pick.genres))
        for rating in entry.ratings or (None,):
            given = (
                (rating.stars, rating.source, rating.rated_at, rating.delivery)
                if rating
                else ("", "", "", "")
            )
            row = (
                *(entry.seq, pick.made_at, *told, repr(pick.prediction.expected)),
                *(entry.decision or "", *given),
                *(pick.model_version, pick.model_hash, pick.id),
                "yes" if pick.explored else "no",
            )
            writer.writerow([_safe(cell) for cell in row])
    return text.getvalue()


def _safe(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(_FORMULA) and not _is_number(cell):
        return f"'{cell}"
    return cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


async def history_csv(request: Request) -> Response:
    """The whole history to download."""
    text = await context_of(request).desk.ask(lambda _, journal: as_csv(journal.history()))
    return Response(
        text,
        media_type="text/csv",
        headers={"content-disposition": 'attachment; filename="greenlight-history.csv"'},
    )
