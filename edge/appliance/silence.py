"""How long the cloud has been unreachable, from the sync service's reports in the journal.

Measured by the wall clock, because it must survive restarts; unknown while the clock isn't set.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.appliance.boot import this_year
from edge.journal import HEARTBEAT_SECONDS

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
    heartbeat = sync_state.get("heartbeat")
    at = _moment(heartbeat.get("at")) if isinstance(heartbeat, dict) else None
    return at if at is not None and datetime.now(UTC) - at > _MISSED else None


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
