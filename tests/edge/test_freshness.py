"""For how many days nothing newer was signed, by a clock that is set."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from edge.freshness import days_without_news, no_news

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("created_at", "now", "days"),
    [
        ("2026-03-10T11:00:00Z", NOW, 0),
        ("2026-03-09T11:00:00+00:00", NOW, 1),
        ("2025-03-10T12:00:00Z", NOW, 365),
        ("2026-03-11T12:00:00Z", NOW, None),
        ("2026-03-01T12:00:00Z", datetime(1970, 1, 2, tzinfo=UTC), None),
        ("2026-03-01T12:00:00", NOW, None),
        ("soon", NOW, None),
    ],
)
def test_days_are_counted_only_by_a_clock_that_is_set(created_at, now, days):
    assert days_without_news(created_at, now) == days


def test_it_is_said_in_words():
    assert (no_news(1), no_news(40)) == (
        "no signed news for 1 day",
        "no signed news for 40 days",
    )
