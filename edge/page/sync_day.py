"""The page of the sync service: what happened when, and the queue over the last day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from data import limits
from data.domain import FILMS, Domain
from edge.local_time import local_time, moment
from edge.page.formatting import counted, sentence, updating, verified
from edge.page.port import SyncFound

_HOURS = 24
_STEP, _LEFT, _BASE, _TALL = 15.0, 30.0, 110.0, 90.0
# Every sixth hour has a label.
_LABELLED = 6


class TimelineEntry(msgspec.Struct, frozen=True):
    """One entry of the timeline.

    Attributes:
        when: on this machine's clock, with its zone.
        what: one sentence.
        now: whether it's still so.
    """

    when: str
    what: str
    now: bool = False


def timeline(found: SyncFound, now: datetime, domain: Domain = FILMS) -> list[TimelineEntry]:
    """Return what happened when, newest first.

    Args:
        found: what the appliance knows.
        now: the current time, in UTC.
        domain: whose words to use.
    """
    reports = found.header.sync
    connection, verification, update = (
        report if isinstance(report := reports.get(key), Mapping) else {}
        for key in ("connection", "verification", "update")
    )
    online = connection.get("state") == "online" and "last_sign" not in reports
    # A service that died since then did connect.
    if connection.get("state") == "online":
        since = "Connected to the cloud."
    elif connection.get("state") == "stopped":
        since = "The sync service was stopped."
    else:
        lost = "The connection was lost" if found.last_heard else "Offline since then"
        reason = connection.get("reason")
        since = sentence(f"{lost}: {reason}" if reason else lost)
    times: list[tuple[Any, str, bool]] = [
        (connection.get("next_try_at"), "The next attempt to connect.", True),
        (found.last_heard, "Last heard from the cloud.", online),
        (found.last_sent, "Last sent: the cloud has acknowledged a rating.", False),
        (connection.get("since"), since, online),
        *((verification.get("at"), text, False) for text in verified(verification, domain)),
        *((update.get("at"), text, False) for text in updating(reports)),
    ]
    entries = [
        (at, TimelineEntry(local_time(at.isoformat()), text, still))
        for text_at, text, still in times
        if isinstance(text_at, str) and (at := moment(text_at)) is not None
    ]
    tomorrow = now + timedelta(days=1)
    entries.sort(key=lambda entry: entry[0], reverse=True)
    return [entry for at, entry in entries if at < tomorrow]


class QueueHour(msgspec.Struct, frozen=True):
    """One hour's bar: what waited at its end below, what was sent in it above.

    Attributes:
        label: the hour on this machine's clock, where one is shown.
        words: the bar as text.
    """

    x: float
    waiting_y: float
    waiting_height: float
    sent_y: float
    sent_height: float
    label: str
    words: str


class QueueDay(msgspec.Struct, frozen=True):
    """How many ratings waited in each of the last 24 hours.

    Attributes:
        most: the tallest bar's.
        words: the chart as text.
    """

    width: float
    height: float
    base: float
    top: float
    left: float
    bar: float
    hours: tuple[QueueHour, ...]
    most: int
    words: str


def queue_day(
    waiting: Sequence[tuple[str, int]], sent: Sequence[tuple[str, str, int]], now: datetime
) -> QueueDay | None:
    """Return the chart of the queue; None if nothing has waited, or the clock isn't set.

    Args:
        waiting: the hours in UTC, such as `2026-11-27T06`, in which what still waits was captured,
            and how many.
        sent: how many were captured in one hour and acknowledged in another.
        now: the current time, in UTC.
    """
    if now.year < limits.EARLIEST_CLOCK_YEAR or not (waiting or sent):
        return None
    current = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    bars: list[tuple[datetime, int, int]] = []
    for back in range(_HOURS - 1, -1, -1):
        hour = current - timedelta(hours=back)
        name = hour.isoformat()[:13]
        left = sum(count for begin, count in waiting if begin <= name)
        left += sum(count for begin, end, count in sent if begin <= name < end)
        gone = sum(count for _, end, count in sent if end == name)
        bars.append((hour.astimezone(), left, gone))
    most = max(left + gone for _, left, gone in bars)
    if not most:
        return None
    hours = []
    for place, (hour, left, gone) in enumerate(bars):
        low, high = (round(_TALL * count / most, 1) for count in (left, left + gone))
        hours.append(
            QueueHour(
                x=_LEFT + place * _STEP,
                waiting_y=_BASE - low,
                waiting_height=low,
                sent_y=_BASE - high,
                sent_height=round(high - low, 1),
                label=f"{hour:%H:%M}" if (place + 1) % _LABELLED == 0 else "",
                words=f"{hour:%H:%M}: {left:,} waiting, {gone:,} sent",
            )
        )
    busy = [one.words for one, (_, left, gone) in zip(hours, bars, strict=True) if left or gone]
    total = counted(sum(gone for *_, gone in bars), "rating")
    return QueueDay(
        width=_LEFT + _HOURS * _STEP + 14,
        height=_BASE + 26,
        base=_BASE,
        top=_BASE - _TALL,
        left=_LEFT,
        bar=_STEP - 3,
        hours=tuple(hours),
        most=most,
        words=f"{total} sent in the last 24 hours, {bars[-1][1]:,} waiting now. {'; '.join(busy)}.",
    )
