"""How long the cloud has been unreachable, from the sync service's reports in the journal.

Measured by the wall clock, because it must survive restarts; unknown while the clock isn't set.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from data import limits
from edge.appliance.boot import this_year
from edge.journal import HEARTBEAT_SECONDS, ON_ANOTHER_BOARD

# One late heartbeat means a busy card, not a dead service.
_MISSED = timedelta(seconds=3 * HEARTBEAT_SECONDS)


def silent_since(sync_state: Mapping[str, Any]) -> datetime | None:
    """Return when the cloud was last reached; None if it is reachable now, or never was.

    A service that reported being online and then died was last there at its last heartbeat.
    """
    connection = sync_state.get("connection")
    if not isinstance(connection, dict) or this_year() is None:
        return None
    if connection.get("state") != "online":
        return _moment(connection.get("since"))
    return _died_at(sync_state)


def with_last_sign(sync_state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reports with `last_sign`, if the service that made them seems to have died."""
    connection = sync_state.get("connection")
    state = connection.get("state") if isinstance(connection, dict) else None
    # One that stopped or rests has said so.
    expected = state not in (None, "stopped", ON_ANOTHER_BOARD) and this_year() is not None
    died_at = _died_at(sync_state) if expected else None
    return {**sync_state, **({"last_sign": died_at.isoformat()} if died_at is not None else {})}


def _died_at(sync_state: Mapping[str, Any]) -> datetime | None:
    heartbeat = sync_state.get("heartbeat")
    at = _moment(heartbeat.get("at")) if isinstance(heartbeat, dict) else None
    return at if at is not None and datetime.now(UTC) - at > _MISSED else None


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None:
        return None
    # Said before the clock was set, so it's unknown how long ago.
    return moment if moment.year >= limits.EARLIEST_CLOCK_YEAR else None
