"""The history as CSV for spreadsheets, shared by the command and the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from data.domain import FILMS, Domain
from data.films import genre_slots
from edge.journal.rows import HistoryEntry, Rating

COLUMNS = (
    *("number", "picked_at", "title", "director", "year", "genre1", "genre2", "genre3"),
    *("expected", "decision", "stars", "rating", "rating_source", "rated_at", "delivery"),
    *("model_version", "model_hash", "pick_id", "explored", "corrections", "withdrawn_at"),
)
# A spreadsheet treats text that starts with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(entries: list[HistoryEntry], domain: Domain = FILMS) -> str:
    """Return the history as CSV, oldest first; a pick with two ratings takes two lines.

    Args:
        entries: newest first, as the journal returns them.
        domain: gives the column headings and the scale of outcomes.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    films = domain == FILMS
    left_out = set() if films else _absent(domain)
    header = COLUMNS if films else tuple(map(_words(domain), COLUMNS))
    kept = [place for place, name in enumerate(COLUMNS) if name not in left_out]
    writer.writerow([header[place] for place in kept])
    for entry in reversed(entries):
        # A withdrawn rating gets a line only if no other rating is left.
        for rating in entry.ratings or (None,):
            row = _row(entry, rating, domain)
            writer.writerow([_safe(row[place]) for place in kept])
    return text.getvalue()


def _absent(domain: Domain) -> set[str]:
    """Return the columns that this domain doesn't have."""
    absent = {"stars"}
    absent |= set() if domain.words.titles else {"title"}
    absent |= set() if domain.ordinal else {"year"}
    return absent | (set() if domain.tags else {"genre1", "genre2", "genre3"})


def _words(domain: Domain) -> Callable[[str], str]:
    words = {"director": domain.choice.word, "rating": domain.outcome.unit or "rating"}
    if domain.ordinal:
        words["year"] = domain.ordinal.word
    if domain.tags:
        words |= {f"genre{slot}": f"{domain.tags.word}{slot}" for slot in (1, 2, 3)}
    return lambda column: words.get(column, column)


def _row(entry: HistoryEntry, rating: Rating | None, domain: Domain) -> tuple[object, ...]:
    pick = entry.pick
    year = pick.year if domain.ordinal is None else pick.year - domain.ordinal.shift
    columns = (pick.title, pick.director, year, *genre_slots(pick.genres))
    given: tuple[object, ...] = ("",) * 5
    withdrawal = entry.withdrawal if rating is None else None
    if withdrawal is not None:
        given = ("", "", withdrawal.source, "", withdrawal.delivery)
    if rating is not None:
        # The exact rating if one was given, otherwise the stars.
        if domain != FILMS:
            exact = domain.given_outcome(rating.stars, rating.rating)
        else:
            exact = "" if rating.rating is None else repr(rating.rating)
        given = (rating.stars, exact, rating.source, rating.rated_at, rating.delivery)
    return (
        *(entry.seq, pick.made_at, *columns, _expected(pick.prediction.expected, domain)),
        *(entry.decision or "", *given),
        *(pick.model_version, pick.model_hash, pick.id),
        "yes" if pick.explored else "no",
        rating.corrections if rating is not None else "",
        withdrawal.withdrawn_at if withdrawal is not None else "",
    )


def _expected(expected: float, domain: Domain) -> str:
    return repr(expected if domain == FILMS else domain.expected_outcome(expected))


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
