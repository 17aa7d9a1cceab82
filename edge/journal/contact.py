"""When ratings were last sent and the cloud last heard, kept for people; nothing depends on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

HOURS_KEPT = 24
# Of a time in UTC, such as `2026-11-27T06`.
_HOUR = slice(13)


class Sent(msgspec.Struct, frozen=True):
    """What left the outbox lately.

    Attributes:
        at: when the newest was acknowledged.
        hours: how many were captured in one hour and acknowledged in another, over a day.
    """

    at: str
    hours: tuple[tuple[str, str, int], ...] = ()


def sent_in(kept: object) -> Sent | None:
    """Return what was kept of the ratings sent, if it can be read."""
    try:
        return msgspec.convert(kept, Sent)
    except msgspec.ValidationError:
        return None


def with_sent(kept: object, captured: Iterable[str], at: str) -> Sent:
    """Return what to keep once more ratings were acknowledged.

    Args:
        kept: before.
        captured: when each of them was captured, in UTC.
        at: now, in UTC.
    """
    first = (datetime.fromisoformat(at) - timedelta(hours=HOURS_KEPT - 1)).isoformat()[_HOUR]
    now, before = at[_HOUR], sent_in(kept)
    counts: Counter[tuple[str, str]] = Counter()
    for begin, end, count in before.hours if before else ():
        if first <= end <= now:
            counts[max(begin, first), end] += count
    for one in captured:
        # A clock that was set in between may put it after now.
        counts[min(max(one[_HOUR], first), now), now] += 1
    return Sent(at, tuple((*hours, count) for hours, count in sorted(counts.items())))


def last_heard(reports: Mapping[str, Any]) -> str | None:
    """Return when the cloud last answered, in UTC; None if it never did.

    Args:
        reports: of the sync service.
    """
    connection, heartbeat = (
        found if isinstance(found := reports.get(key), dict) else {}
        for key in ("connection", "heartbeat")
    )
    sent = sent_in(reports.get("sent"))
    # While it's online, each sign of life means that the connection holds.
    online = heartbeat.get("at") if connection.get("state") == "online" else None
    times = [connection.get("heard_at"), online, sent.at if sent else None]
    return max((time for time in times if isinstance(time, str)), default=None)
