"""Numbers and states, as the owner reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge.page.formatting import counted, duration, number, percent, signed, sync_summary

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


def test_offline_says_what_is_waiting_since_when_and_what_comes_next():
    reported = {
        "connection": {"state": "offline", "since": ago(hours=2), "next_try_at": in_(seconds=40)}
    }
    words = sync_summary(reported, 3, 0, NOW)
    assert words.headline == "3 ratings waiting, offline for 2 h, next try in 40 s."
    assert words.tone == "waiting"


def test_online_and_nothing_waiting_is_good():
    words = sync_summary({"connection": {"state": "online", "since": ago(minutes=5)}}, 0, 0, NOW)
    assert (words.headline, words.tone) == ("All ratings delivered, online for 5 min.", "good")


def test_ratings_that_wait_for_a_newer_cloud_say_so_while_they_wait():
    reported = {
        "connection": {"state": "online", "since": ago(minutes=5)},
        "feedback": {"problem": "the cloud is too old"},
    }
    assert sync_summary(reported, 2, 0, NOW).details == ("The cloud is too old.",)
    assert sync_summary(reported, 0, 0, NOW).details == ()


def test_a_sync_service_that_died_is_not_called_online():
    online = {"connection": {"state": "online", "since": ago(hours=90)}, "last_sign": ago(hours=72)}
    summary = sync_summary(online, 2, 0, NOW)
    assert summary.headline == "2 ratings waiting, no sign of life from the sync service for 3 d."
    assert (summary.tone, summary.details) == ("attention", ("It last reported being online.",))


def test_an_owner_without_a_cloud_sees_no_fault_and_no_promise():
    for waiting, headline in (
        (0, "Working without a cloud."),
        (2, "Working without a cloud; 2 ratings saved on this appliance."),
    ):
        summary = sync_summary({}, waiting, 0, NOW)
        assert (summary.headline, summary.tone) == (headline, "waiting")
        assert summary.never_connected


@pytest.mark.parametrize(
    ("waiting", "headline"),
    [
        (0, "1 rating rejected by the cloud, online for 5 min."),
        (2, "1 rating rejected by the cloud, 2 ratings on the way, online for 5 min."),
    ],
)
def test_a_rejected_rating_comes_first(waiting, headline):
    online = {"connection": {"state": "online", "since": ago(minutes=5)}}
    summary = sync_summary(online, waiting, 1, NOW)
    assert (summary.headline, summary.tone) == (headline, "attention")


def test_a_rounded_zero_has_no_sign():
    assert [signed(x) for x in (-0.0, -0.004, 0.004, 0.25)] == ["0.00", "0.00", "0.00", "+0.25"]
    assert [number(x, 3) for x in (-0.0, -0.0004, -0.25)] == ["0.000", "0.000", "\u22120.250"]


def test_a_difference_or_a_rejected_rating_needs_attention():
    differed = {
        "verification": {"outcome": "differed", "worst_difference": 0.5, "at": ago(hours=3)}
    }
    words = sync_summary(differed, 0, 0, NOW)
    assert words.tone == "attention"
    assert "3 h ago and got a different result, 0.5 stars away" in words.details[0]
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
def test_a_clock_that_jumped_or_a_strange_record_is_left_out(connection):
    headline = sync_summary({"connection": connection}, 1, 0, NOW).headline
    assert headline in (
        "1 rating waiting, offline.",
        "Working without a cloud; 1 rating saved on this appliance.",
    )
