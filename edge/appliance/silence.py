"""Since when the cloud hasn't been reached, by what the sync service wrote into the journal.

By the wall clock, because it must hold across restarts; while the clock isn't set, nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.appliance.boot import this_year
from edge.journal import HEARTBEAT_SECONDS

# One late heartbeat is a busy card, not a dead service.
_MISSED = timedelta(seconds=3 * HEARTBEAT_SECONDS)


def silent_since(sync_state: Mapping[str, Any]) -> datetime | None:
    """Return when the cloud was last known to be reached; None if it is reached now, or never was.

    A service that said it was online and then died is silent since its last heartbeat.
    """
    connection = sync_state.get("connection")
    if not isinstance(connection, dict) or this_year() is None:
        return None
    if connection.get("state") != "online":
        return _moment(connection.get("since"))
    heartbeat = sync_state.get("heartbeat")
    at = _moment(heartbeat.get("at")) if isinstance(heartbeat, dict) else None
    return at if at is not None and datetime.now(UTC) - at > _MISSED else None


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
