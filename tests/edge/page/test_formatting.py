"""Numbers and states, as the owner reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge.page.formatting import counted, day, duration, percent, signed, sync_summary

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def ago(**length: float) -> str:
    return (NOW - timedelta(**length)).isoformat()


def in_(**length: float) -> str:
    return (NOW + timedelta(**length)).isoformat()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (40, "40 s"), (90, "2 min"), (7200, "2 h"), (90_000, "25 h"), (200_000, "2 d")],
)
def test_lengths_of_time(seconds, text):
    assert duration(seconds) == text


def test_numbers():
    assert [counted(n, "rating") for n in (0, 1, 1200)] == [
        "no ratings",
        "1 rating",
        "1,200 ratings",
    ]
    assert [percent(p) for p in (0.0001, 0.02, 0.371)] == ["under 0.1%", "2.0%", "37%"]
    assert signed(-0.25) == "\u22120.25"


def test_an_unset_clock_is_not_taken_for_a_date():
    assert day("1970-01-01T00:00:09Z") == "clock not set"
    assert day("2026-11-22T10:00:00+00:00") == "22 November 2026"
    assert day("nonsense") == day(None) == "clock not set"


def test_offline_says_what_waits_since_when_and_what_comes_next():
    told = {
        "connection": {"state": "offline", "since": ago(hours=2), "next_try_at": in_(seconds=40)}
    }
    words = sync_summary(told, 3, 0, NOW)
    assert words.headline == "3 ratings waiting, offline for 2 h, next try in 40 s."
    assert words.tone == "waiting"


def test_online_and_nothing_waiting_is_good():
    words = sync_summary({"connection": {"state": "online", "since": ago(minutes=5)}}, 0, 0, NOW)
    assert (words.headline, words.tone) == ("All ratings delivered, online for 5 min.", "good")


def test_before_the_sync_service_has_spoken():
    assert sync_summary({}, 0, 0, NOW).headline == (
        "No ratings waiting, the sync service has not reported yet."
    )


def test_a_difference_or_a_refused_rating_wants_attention():
    differed = {
        "verification": {"outcome": "differed", "worst_difference": 0.5, "at": ago(hours=3)}
    }
    words = sync_summary(differed, 0, 0, NOW)
    assert words.tone == "attention"
    assert "3 h ago and differs by 0.5 stars" in words.details[0]
    assert sync_summary({}, 0, 1, NOW).tone == "attention"


@pytest.mark.parametrize(
    "connection",
    [
        {"state": "offline", "since": "1970-01-01T00:00:00Z"},
        {"state": "offline", "since": in_(days=1)},
        {"state": "offline", "since": 5, "next_try_at": ["x"]},
        {"state": "offline", "next_try_at": in_(days=300)},
        "nonsense",
        None,
    ],
)
def test_a_clock_that_jumped_or_a_strange_record_makes_no_nonsense(connection):
    headline = sync_summary({"connection": connection}, 1, 0, NOW).headline
    assert headline in (
        "1 rating waiting, offline.",
        "1 rating waiting, the sync service has not reported yet.",
    )
