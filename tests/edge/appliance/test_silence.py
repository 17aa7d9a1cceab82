"""A sync service that died while it was online isn't online."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud_sync.status import iso
from edge.appliance import silence
from edge.appliance.silence import silent_since
from edge.journal import HEARTBEAT_SECONDS

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
        ("offline", 1.0, LONG_AGO),
        ("stopped", None, LONG_AGO),
    ],
)
def test_silence_is_counted_from_the_journal(state, heartbeat, since):
    connection = {"state": state, "since": iso(LONG_AGO)}
    if isinstance(heartbeat, float):  # so many seconds before this test, not before its collection
        heartbeat = {"at": ago(heartbeat)}
    assert silent_since({"connection": connection, "heartbeat": heartbeat}) == since


def test_a_never_connected_appliance_is_not_silent():
    assert silent_since({}) is None


def test_without_a_clock_the_silence_is_unknown(monkeypatch):
    monkeypatch.setattr(silence, "this_year", lambda: None)
    assert silent_since({"connection": {"state": "offline", "since": iso(LONG_AGO)}}) is None
