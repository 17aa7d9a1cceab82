"""Records hold UTC; people read their own clock."""

import time

import pytest

from edge.local_time import day, local_time, short_day


@pytest.fixture
def in_kolkata(monkeypatch):
    monkeypatch.setenv("TZ", "IST-05:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_kolkata")
def test_a_time_is_this_machines_and_names_its_zone():
    late = "2026-11-30T20:45:00Z"
    assert local_time(late) == "1 December 2026, 02:15 IST"
    assert (day(late), short_day(late)) == ("1 December 2026", "1 Dec")


def test_an_unset_clock_is_not_shown_as_a_date():
    for unknown in ("1970-01-01T00:00:09Z", "nonsense", None):
        assert local_time(unknown) == day(unknown) == "clock not set"
        assert short_day(unknown) == "no clock"
