"""Commands while no appliance runs: the journal is there all the same."""

from __future__ import annotations

from typing import Any

import msgspec

from data.errors import GreenlightError
from edge.appliance.decisions import Decisions
from edge.config import Config
from edge.journal import Journal


def approve(journal: Journal, config: Config, pick_id: str | None) -> dict[str, Any]:
    """Approve the pick that waits, if it is this one."""
    pick = journal.waiting_pick()
    if pick is None or pick_id not in (None, pick.id):
        return {"ok": False, "error": "no such pick waits for a decision"}
    told = Decisions(journal, config).approve(pick)
    return {"ok": True, "message": told, "pick": msgspec.to_builtins(pick)}


def rate(
    journal: Journal, config: Config, stars: float | None, pick_id: str | None, *, simulated: bool
) -> dict[str, Any]:
    """Write a rating down; the sync service sends it when it can."""
    try:
        feedback, told = Decisions(journal, config).rate(stars, pick_id, simulated=simulated)
    except GreenlightError as error:
        return {"ok": False, "error": str(error)}
    return {"ok": True, "message": told, "feedback": msgspec.to_builtins(feedback)}
