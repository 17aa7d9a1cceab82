"""A record's time as this machine's clock shows it. Records hold UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from data import limits


def moment(text: str | None) -> datetime | None:
    """Return a record's time in UTC; None if it's missing or unreadable."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None
    if found is None:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def local_time(text: str | None) -> str:
    """Return a record's time with its zone, such as `26 November 2026, 18:05 CET`."""
    here = _here(text)
    return "clock not set" if here is None else f"{here.day} {here:%B %Y, %H:%M %Z}"


def day(text: str | None) -> str:
    """Return a record's day, or say that the clock wasn't set."""
    here = _here(text)
    return "clock not set" if here is None else f"{here.day} {here:%B %Y}"


def short_day(text: str | None) -> str:
    """Return a record's day for a chart, such as `26 Nov`; `no clock` if it wasn't set."""
    here = _here(text)
    return "no clock" if here is None else f"{here.day} {here:%b}"


def _here(text: str | None) -> datetime | None:
    found = moment(text)
    if found is None or found.year < limits.EARLIEST_CLOCK_YEAR:
        return None
    return found.astimezone()
