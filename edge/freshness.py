"""For how long no trusted key has signed anything newer, as when a bucket is held back."""

from __future__ import annotations

from datetime import datetime

from data import limits


def days_without_news(created_at: str, now: datetime) -> int | None:
    """Return how many days ago the active model was signed.

    Args:
        created_at: as its manifest says.
        now: by the device's clock.

    Returns:
        None while the clock isn't set, or if it is before that time.
    """
    try:
        days = (now - datetime.fromisoformat(created_at)).days
    except (ValueError, TypeError):
        return None
    return None if now.year < limits.EARLIEST_CLOCK_YEAR or days < 0 else days


def no_news(days: int) -> str:
    """Return it in words."""
    return f"no signed news for {days} {'day' if days == 1 else 'days'}"
