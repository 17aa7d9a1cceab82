"""Fixtures for tests of updates."""

from __future__ import annotations

import pytest

from edge.models.activation import UpdateState


@pytest.fixture
def updated(device, rebundle):
    """A device on which version 2 has just been activated."""
    sha256 = rebundle(device.incoming / "2", {"extra.txt": b"of version 2"})
    assert device.update(device.offer("2", 2, sha256)) == (UpdateState.ACTIVATED, None)
    return device
