"""Numbers and states in words. Pure: the time is handed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec

from data import limits

Tone: TypeAlias = Literal["good", "waiting", "attention"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class SyncSummary(msgspec.Struct, frozen=True):
    """How delivery stands.

    Attributes:
        headline: one sentence: what waits, since when, what comes next.
        details: further sentences.
    """

    tone: Tone
    headline: str
    details: tuple[str, ...] = ()


def duration(seconds: float) -> str:
    """Return a length of time in its one fitting unit: `40 s`, `12 min`, `2 h`, `3 d`."""
    seconds = max(0.0, seconds)
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} d"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return `1 rating`, `3 ratings`, `no ratings`; thousands are set apart."""
    name = one if number == 1 else many or f"{one}s"
    return f"{f'{number:,}' if number else 'no'} {name}"


def listed(parts: tuple[str, ...] | list[str]) -> str:
    """Return `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def signed(stars: float) -> str:
    """Return `+0.42` or `−0.42`, with a real minus sign."""
    return f"{stars:+.2f}".replace("-", "\u2212")


def percent(share: float) -> str:
    """Return `37%`, `0.4%`, `under 0.1%`; a probability is never quite nothing."""
    if share < 0.001:
        return "under 0.1%"
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def moment(text: str | None) -> datetime | None:
    """Return a time that a record holds, in UTC; None if it holds none that can be read."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def day(text: str | None) -> str:
    """Return the day of a record; of a clock that was never set, say so."""
    found = moment(text)
    if found is None or found.year < limits.EARLIEST_CLOCK_YEAR:
        return "clock not set"
    return f"{found.day} {found:%B %Y}"


def sync_summary(
    told: Mapping[str, Any], waiting: int, quarantined: int, now: datetime
) -> SyncSummary:
    """Return how delivery stands, from what the sync service told and what the outbox holds."""
    connection = _mapping(told, "connection")
    state = connection.get("state")
    parts = [f"{counted(waiting, 'rating')} waiting"]
    tone: Tone = "good" if state == "online" and not waiting else "waiting"
    if state is None:
        parts.append("the sync service has not reported yet")
    elif state == "online":
        parts[0] = (
            f"{counted(waiting, 'rating')} on the way" if waiting else "All ratings delivered"
        )
        parts.append(_since("online", connection, now))
    else:
        parts.append(_since("stopped" if state == "stopped" else "offline", connection, now))
        if (until := _seconds_until(connection.get("next_try_at"), now)) is not None:
            parts.append(f"next try in {duration(until)}" if until > 0.5 else "trying now")
    headline = ", ".join(parts)
    details = [*_verified(_mapping(told, "verification"), now), *_updating(told)]
    if (reason := connection.get("reason")) and state != "online":
        details.insert(0, _sentence(f"The last attempt failed: {reason}"))
    if quarantined:
        details.append(
            f"The cloud refused {counted(quarantined, 'rating')}, kept here with the reason."
        )
    if quarantined or _mapping(told, "verification").get("outcome") == "differed":
        tone = "attention"
    return SyncSummary(tone, _sentence(headline), tuple(details))


def _verified(verification: Mapping[str, Any], now: datetime) -> list[str]:
    outcome = verification.get("outcome")
    at = moment(verification.get("at"))
    ago = f" {duration((now - at).total_seconds())} ago" if at and at <= now else ""
    match outcome:
        case "agreed":
            return [f"The cloud checked a prediction{ago} and agreed."]
        case "differed":
            worst = verification.get("worst_difference")
            by = f" by {worst:.3g} stars" if isinstance(worst, int | float) else ""
            return [f"The cloud checked a prediction{ago} and differs{by}: one of us is wrong."]
        case "skipped" | "failed":
            reason = verification.get("reason") or "no reason was given"
            word = "was skipped" if outcome == "skipped" else "failed"
            return [_sentence(f"The last verification{ago} {word}: {reason}")]
    return []


def _updating(told: Mapping[str, Any]) -> list[str]:
    update = _mapping(told, "update")
    if not update.get("version") or not update.get("step"):
        return []
    reason = f": {update['reason']}" if update.get("reason") else ""
    return [_sentence(f"Model version {update['version']} is at step {update['step']!r}{reason}")]


def _since(word: str, connection: Mapping[str, Any], now: datetime) -> str:
    since = moment(connection.get("since"))
    # A clock that was set meanwhile would give nonsense: then say nothing of it.
    if since is None or since > now or since.year < limits.EARLIEST_CLOCK_YEAR <= now.year:
        return word
    return f"{word} for {duration((now - since).total_seconds())}"


def _seconds_until(text: object, now: datetime) -> float | None:
    at = moment(text if isinstance(text, str) else None)
    if at is None or (at - now).total_seconds() > _DAY:
        return None
    return (at - now).total_seconds()


def _mapping(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = told.get(key)
    return found if isinstance(found, Mapping) else {}


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
