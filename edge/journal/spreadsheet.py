"""The history as CSV, for a spreadsheet: the same for the command and for the page."""

from __future__ import annotations

import csv
import io

from data.films import genre_slots
from edge.journal.rows import HistoryEntry, Rating

COLUMNS = (
    *("number", "picked_at", "title", "director", "year", "genre1", "genre2", "genre3"),
    *("expected", "decision", "stars", "rating", "rating_source", "rated_at", "delivery"),
    *("model_version", "model_hash", "pick_id", "explored"),
)
# A spreadsheet takes text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(entries: list[HistoryEntry]) -> str:
    """Return the history as CSV, oldest first; a pick with two ratings takes two lines.

    Args:
        entries: newest first, as the journal gives them.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for entry in reversed(entries):
        for rating in entry.ratings or (None,):
            writer.writerow([_safe(cell) for cell in _row(entry, rating)])
    return text.getvalue()


def _row(entry: HistoryEntry, rating: Rating | None) -> tuple[object, ...]:
    pick = entry.pick
    told = (pick.title, pick.director, pick.year, *genre_slots(pick.genres))
    given: tuple[object, ...] = ("",) * 5
    if rating is not None:
        # The exact rating where one was given; else the stars say all that is known.
        exact = "" if rating.rating is None else repr(rating.rating)
        given = (rating.stars, exact, rating.source, rating.rated_at, rating.delivery)
    return (
        *(entry.seq, pick.made_at, *told, repr(pick.prediction.expected)),
        *(entry.decision or "", *given),
        *(pick.model_version, pick.model_hash, pick.id),
        "yes" if pick.explored else "no",
    )


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
