"""Power cuts, not kills: nothing acknowledged is lost, one model always loads, it starts again."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig.crash_replay import recorded, replay

POINTS = 1_000
SEED = 8


@pytest.mark.slow
@pytest.mark.usefixtures("strace")
def test_a_power_cut_at_any_instant_breaks_no_promise(scratch: Path) -> None:
    recording, bundles = recorded(scratch, rounds=3, ratings=14)
    outcome = replay(recording, bundles, scratch / "crashes", POINTS, SEED)
    assert sum(outcome.points.values()) == POINTS
    assert outcome.syncs > 100
    assert outcome.broken == []


@pytest.mark.usefixtures("strace")
def test_the_replay_notices_when_nothing_is_synced(scratch: Path) -> None:
    recording, bundles = recorded(scratch, rounds=1, ratings=8, careless=True)
    outcome = replay(recording, bundles, scratch / "crashes", 200, SEED)
    sentences = " ".join(outcome.broken)
    assert "was confirmed and is gone" in sentences
    assert len(outcome.broken) > 50
