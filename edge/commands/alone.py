"""Commands while no appliance runs: the journal is there all the same."""

from __future__ import annotations

from typing import Any

import msgspec

from data.errors import GreenlightError
from edge.appliance import rating
from edge.appliance.boot import now
from edge.config import Config
from edge.journal import Journal


def approve(journal: Journal, pick_id: str | None) -> dict[str, Any]:
    """Approve the pick that waits, if it is this one."""
    pick = journal.waiting_pick()
    if pick is None or pick_id not in (None, pick.id):
        return {"ok": False, "error": "no such pick waits for a decision"}
    journal.record_decision(pick.id, "approved", now())
    return {
        "ok": True,
        "message": f"approved: {pick.title}; rate it with `greenlight rate STARS`",
        "pick": msgspec.to_builtins(pick),
    }


def rate(
    journal: Journal, config: Config, stars: float | None, pick_id: str | None, *, simulated: bool
) -> dict[str, Any]:
    """Write a rating down; the sync service sends it when it can."""
    try:
        feedback = rating.rate(
            journal,
            config.thing,
            stars=stars,
            pick_id=pick_id,
            demonstration=config.demonstration,
            simulated=simulated,
        )
        journal.record_rating(feedback)
    except GreenlightError as error:
        return {"ok": False, "error": str(error)}
    return {
        "ok": True,
        "message": f"rated: {feedback.title}, {feedback.stars} stars ({feedback.source})",
        "feedback": msgspec.to_builtins(feedback),
    }
