"""The page of sync: what happened when, and the queue over the last day."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from edge.page.port import ApplianceStatus, HeaderFound, SyncFound
from edge.page.sync_day import queue_day, timeline

NOW = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def found(heard: str | None = None, sent: str | None = None, **reports: object) -> SyncFound:
    status = ApplianceStatus(light="ready", says="ready", thing="T")
    return SyncFound(HeaderFound(status, reports, 0, ()), sent, heard, (), ())


def test_what_happened_is_listed_newest_first_with_times_and_zone():
    connection = {"state": "online", "since": "2026-11-27T09:00:00Z"}
    checked = {"outcome": "agreed", "at": "2026-11-27T10:00:00Z"}
    entries = timeline(
        found(
            "2026-11-27T12:25:00Z",
            "2026-11-27T11:00:00Z",
            connection=connection,
            verification=checked,
        ),
        NOW,
    )
    assert [(one.when, one.what, one.now) for one in entries] == [
        ("27 November 2026, 12:25 UTC", "Last heard from the cloud.", True),
        ("27 November 2026, 11:00 UTC", "Last sent: the cloud has acknowledged a rating.", False),
        ("27 November 2026, 10:00 UTC", "The cloud checked a prediction and agreed.", False),
        ("27 November 2026, 09:00 UTC", "Connected to the cloud.", True),
    ]


def test_a_service_that_died_did_connect_when_it_did():
    connection = {"state": "online", "since": "2026-11-27T09:00:00Z"}
    heard = "2026-11-27T11:00:00Z"
    entries = timeline(
        found(heard, connection=connection, last_sign="2026-11-27T11:00:00+00:00"), NOW
    )
    assert [(one.what, one.now) for one in entries] == [
        ("Last heard from the cloud.", False),
        ("Connected to the cloud.", False),
    ]


def test_offline_shows_when_the_connection_was_lost_why_and_the_next_attempt():
    connection = {
        "state": "offline",
        "since": "2026-11-27T09:00:00Z",
        "reason": "no route to host",
        "next_try_at": "2026-11-27T12:31:00Z",
    }
    entries = timeline(found("2026-11-27T09:00:00Z", connection=connection), NOW)
    assert [one.what for one in entries] == [
        "The next attempt to connect.",
        "Last heard from the cloud.",
        "The connection was lost: no route to host.",
    ]
    assert [one.now for one in entries] == [True, False, False]


def test_a_cloud_that_was_never_heard_was_not_lost_and_strange_reports_are_left_out():
    connection = {"state": "offline", "since": "2026-11-27T09:00:00Z", "reason": "no route"}
    (entry,) = timeline(found(connection=connection), NOW)
    assert entry.what == "Offline since then: no route."
    strange = {"state": 7, "since": ["x"], "next_try_at": "2036-01-01T00:00:00Z"}
    assert timeline(found(connection=strange, verification="x", update=None), NOW) == []


def test_each_hour_shows_what_was_sent_in_it_and_what_waited_at_its_end():
    day = queue_day(
        [("2026-11-20T05", 1), ("2026-11-27T11", 2)], [("2026-11-27T09", "2026-11-27T11", 3)], NOW
    )
    assert day is not None
    assert day.most == 6
    assert [hour.words for hour in day.hours[-5:]] == [
        "08:00: 1 waiting, 0 sent",
        "09:00: 4 waiting, 0 sent",
        "10:00: 4 waiting, 0 sent",
        "11:00: 3 waiting, 3 sent",
        "12:00: 3 waiting, 0 sent",
    ]
    tallest = day.hours[-2]
    assert tallest.sent_height == pytest.approx(tallest.waiting_height)
    assert tallest.sent_y == day.top
    assert [hour.label for hour in day.hours if hour.label] == ["18:00", "00:00", "06:00", "12:00"]
    assert day.words.startswith("3 ratings sent in the last 24 hours, 3 waiting now. ")


def test_without_ratings_or_a_clock_there_is_no_chart():
    assert queue_day([], [], NOW) is None
    assert queue_day([], [("2026-11-20T05", "2026-11-20T06", 3)], NOW) is None
    assert queue_day([("1970-01-01T00", 1)], [], datetime(1970, 1, 1, tzinfo=UTC)) is None
