"""Numbers and the state of delivery as text. The current time is passed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from data import limits
from data.domain import FILMS, Domain
from edge.local_time import moment

Tone: TypeAlias = Literal["good", "waiting", "attention"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class SyncSummary(msgspec.Struct, frozen=True):
    """How delivery is going.

    Attributes:
        headline: one sentence: what's waiting, since when, what comes next.
        details: more sentences.
        never_connected: no sync service has ever reported, so no cloud was ever set up.
    """

    tone: Tone
    headline: str
    details: tuple[str, ...] = ()
    never_connected: bool = False


def duration(seconds: float) -> str:
    """Return a length of time in one fitting unit: `40 s`, `12 min`, `2 h`, `3 d`."""
    seconds = max(0.0, seconds)
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} d"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return `1 rating`, `1,200 ratings`, `no ratings`."""
    name = one if number == 1 else many or f"{one}s"
    return f"{f'{number:,}' if number else 'no'} {name}"


def listed(parts: tuple[str, ...] | list[str]) -> str:
    """Return `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def signed(stars: float) -> str:
    """Return `+0.42` or `−0.42`, with a real minus sign; a rounded zero has no sign."""
    return f"{stars:+.2f}".replace("-", "\u2212") if round(stars, 2) else "0.00"


def number(value: float, digits: int) -> str:
    """Return a number with a real minus sign; a rounded zero has no sign."""
    # Adding zero turns -0.0 into 0.0.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\u2212")


def sentence(text: str) -> str:
    """Return text with a capital letter and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def percent(share: float) -> str:
    """Return `37%`, `0.4%`, `under 0.1%`: a probability is never quite zero."""
    if share < 0.001:
        return "under 0.1%"
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def sync_summary(
    reports: Mapping[str, Any],
    waiting: int,
    quarantined: int,
    now: datetime,
    domain: Domain = FILMS,
) -> SyncSummary:
    """Return how delivery is going, from the sync service's reports and the outbox."""
    connection = _mapping(reports, "connection")
    state = connection.get("state")
    verification = _mapping(reports, "verification")
    checked = moment(verification.get("at"))
    ago = f" {duration((now - checked).total_seconds())} ago" if checked and checked <= now else ""
    details = [*verified(verification, domain, ago), *updating(reports)]
    if state is None and not quarantined and not details:
        kept = f"; {counted(waiting, 'rating')} saved on this appliance" if waiting else ""
        return SyncSummary("waiting", f"Working without a cloud{kept}.", never_connected=True)
    if waiting and (problem := _mapping(reports, "feedback").get("problem")):
        details.insert(0, sentence(str(problem)))
    parts = [f"{counted(waiting, 'rating')} waiting"] if waiting or not quarantined else []
    if quarantined:
        parts.insert(0, f"{counted(quarantined, 'rating')} rejected by the cloud")
    tone: Tone = "good" if state == "online" and not waiting else "waiting"
    if (last_sign := moment(reports.get("last_sign"))) is not None:
        silent = duration((now - last_sign).total_seconds())
        parts.append(f"no sign of life from the sync service for {silent}")
        details.insert(0, sentence(f"It last reported being {state}"))
        tone = "attention"
    elif state == "online":
        if waiting:
            parts[-1] = f"{counted(waiting, 'rating')} on the way"
        elif not quarantined:
            parts[-1] = "All ratings delivered"
        parts.append(_since("online", connection, now))
    elif state is None:
        parts.append("the sync service hasn't reported yet")
    else:
        parts.append(_since("stopped" if state == "stopped" else "offline", connection, now))
        if (until := _seconds_until(connection.get("next_try_at"), now)) is not None:
            parts.append(f"next try in {duration(until)}" if until > 0.5 else "trying now")
    if (reason := connection.get("reason")) and state != "online":
        details.insert(0, sentence(f"The last attempt failed: {reason}"))
    if quarantined or verification.get("outcome") == "differed":
        tone = "attention"
    return SyncSummary(tone, sentence(", ".join(parts)), tuple(details))


def verified(verification: Mapping[str, Any], domain: Domain, ago: str = "") -> list[str]:
    """Return the outcome of the last verification, as no or one sentence.

    Args:
        verification: the sync service's report.
        domain: on whose scale a difference is shown.
        ago: how long ago it was, with a space before it, or nothing.
    """
    outcome = verification.get("outcome")
    match outcome:
        case "agreed":
            return [f"The cloud checked a prediction{ago} and agreed."]
        case "differed":
            worst = verification.get("worst_difference")
            by = ""
            if isinstance(worst, int | float):
                by = f", {domain.outcome.difference(worst):.3g}{domain.plain_unit} away"
            return [f"The cloud checked a prediction{ago} and got a different result{by}."]
        case "skipped" | "failed":
            reason = verification.get("reason") or "no reason given"
            word = "was skipped" if outcome == "skipped" else "failed"
            return [sentence(f"The last verification{ago} {word}: {reason}")]
    return []


def updating(reports: Mapping[str, Any]) -> list[str]:
    """Return how far the last model update is, as no or one sentence."""
    update = _mapping(reports, "update")
    if not update.get("version") or not update.get("step"):
        return []
    reason = f": {update['reason']}" if update.get("reason") else ""
    return [sentence(f"Model version {update['version']} is at step {update['step']!r}{reason}")]


def _since(word: str, connection: Mapping[str, Any], now: datetime) -> str:
    since = moment(connection.get("since"))
    # If the clock was set in between, the difference is meaningless: leave it out.
    if since is None or since > now or since.year < limits.EARLIEST_CLOCK_YEAR <= now.year:
        return word
    return f"{word} for {duration((now - since).total_seconds())}"


def _seconds_until(text: object, now: datetime) -> float | None:
    at = moment(text if isinstance(text, str) else None)
    if at is None or (at - now).total_seconds() > _DAY:
        return None
    return (at - now).total_seconds()


def _mapping(reports: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = reports.get(key)
    return found if isinstance(found, Mapping) else {}
