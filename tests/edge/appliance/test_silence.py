"""A sync service that died while it was online isn't online."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud_sync.status import iso
from edge.appliance import silence
from edge.appliance.silence import silent_since, with_last_sign
from edge.journal import HEARTBEAT_SECONDS, ON_ANOTHER_BOARD

LONG_AGO = datetime(2026, 1, 9, 10, tzinfo=UTC)


def ago(seconds: float) -> str:
    return iso(datetime.now(UTC) - timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("state", "heartbeat", "since"),
    [
        ("online", None, None),
        ("online", HEARTBEAT_SECONDS, None),
        ("online", {"at": iso(LONG_AGO)}, LONG_AGO),
        ("online", {"at": "long ago"}, None),
        ("online", "?", None),
        ("online", {"at": "1970-01-01T00:00:09Z"}, None),
        ("offline", 1.0, LONG_AGO),
        ("stopped", None, LONG_AGO),
    ],
)
def test_silence_is_counted_from_the_journal(state, heartbeat, since):
    connection = {"state": state, "since": iso(LONG_AGO)}
    if isinstance(heartbeat, float):  # so many seconds before this test, not before its collection
        heartbeat = {"at": ago(heartbeat)}
    assert silent_since({"connection": connection, "heartbeat": heartbeat}) == since


@pytest.mark.parametrize(
    ("state", "heartbeat", "shown"),
    [
        ("online", iso(LONG_AGO), True),
        ("offline", iso(LONG_AGO), True),
        ("online", HEARTBEAT_SECONDS, False),
        # Both have said that no more heartbeats will come.
        ("stopped", iso(LONG_AGO), False),
        (ON_ANOTHER_BOARD, iso(LONG_AGO), False),
    ],
)
def test_the_last_sign_of_a_service_that_died_is_shown(state, heartbeat, shown):
    if isinstance(heartbeat, float):  # so many seconds before this test, not before its collection
        heartbeat = ago(heartbeat)
    reports = {"connection": {"state": state}, "heartbeat": {"at": heartbeat}}
    last_sign = {"last_sign": LONG_AGO.isoformat()} if shown else {}
    assert with_last_sign(reports) == reports | last_sign


def test_a_never_connected_appliance_is_not_silent():
    assert silent_since({}) is None


def test_without_a_clock_the_silence_is_unknown(monkeypatch):
    monkeypatch.setattr(silence, "this_year", lambda: None)
    assert silent_since({"connection": {"state": "offline", "since": iso(LONG_AGO)}}) is None
