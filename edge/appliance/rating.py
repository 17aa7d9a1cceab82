"""A rating as feedback: which film it is of, and where it came from."""

from __future__ import annotations

import random

from data.errors import GreenlightError
from data.films import MAX_STARS, MIN_STARS
from data.messages import Feedback, Source
from edge.appliance.boot import boot_id, now
from edge.journal import HistoryEntry, Journal


class CannotRate(GreenlightError):
    """There is no film to rate, or the rating is none; the message says what to do."""


def rate(
    journal: Journal,
    thing: str,
    *,
    stars: float | None,
    pick_id: str | None = None,
    demonstration: bool = False,
    simulated: bool = False,
) -> Feedback:
    """Make the feedback of a rating; `Journal.record_rating` then writes it.

    Args:
        journal: where the pick stands.
        thing: this device's name.
        stars: from 1 to 10, with decimals if the owner has any; None only when simulated.
        pick_id: of an approved pick; None for the newest one that has no rating yet.
        demonstration: whether simulated ratings are allowed here.
        simulated: draw the stars from the prediction, and say so in the record.

    Raises:
        CannotRate: saying what to do instead.
    """
    entry = _entry(journal, pick_id)
    if simulated:
        if not demonstration:
            raise CannotRate("simulated ratings need `demonstration = true` in the configuration")
        stars = draw_stars(entry, random.SystemRandom())
    if stars is None:
        raise CannotRate("give the stars, 1 to 10")
    if not MIN_STARS <= stars <= MAX_STARS:
        raise CannotRate(f"stars: is {stars:g}; give {MIN_STARS} to {MAX_STARS}")
    source: Source = "simulated" if simulated else "owner"
    return Feedback.on(
        entry.pick, stars, thing=thing, source=source, rated_at=now(), boot_id=boot_id()
    )


def draw_stars(entry: HistoryEntry, draw: random.Random) -> int:
    """Draw the stars of a film from its predicted distribution."""
    weights = entry.pick.prediction.probabilities
    return draw.choices(range(MIN_STARS, MAX_STARS + 1), weights)[0]


def _entry(journal: Journal, pick_id: str | None) -> HistoryEntry:
    if pick_id is None:
        waiting = journal.awaiting_rating()
        if not waiting:
            raise CannotRate("no approved film waits for a rating; approve a pick first")
        return waiting[0]
    entry = journal.find_pick(pick_id)
    if entry is None:
        raise CannotRate(f"pick_id: {pick_id[:60]!r} is not known; see `greenlight history`")
    if entry.decision != "approved":
        raise CannotRate(
            f"{entry.pick.title} was not approved, so it was not made; approve it first"
        )
    return entry
