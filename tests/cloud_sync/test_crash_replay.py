"""Power cuts, not kills: nothing acknowledged is lost, one model always loads, it starts again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rig.crash_replay import recorded, replay

POINTS = 1_000
SEED = 8


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of disks are laid out and thrown away."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def strace() -> None:
    tried = shutil.which("strace") and subprocess.run(
        ["strace", "-o", os.devnull, "true"], capture_output=True, check=False
    )
    if not tried or tried.returncode != 0:
        reason = "strace is missing or may not trace here: apt install strace"
        if os.environ.get("GREENLIGHT_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


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
