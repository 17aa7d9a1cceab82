"""The local cloud, killed and frozen under the real commands.

Takes half a minute: it starts its own local cloud, beside the session's, three times.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from rig.local_trial import LocalTrial

pytestmark = pytest.mark.slow


def test_a_killed_and_a_frozen_local_cloud_cost_no_rating(tmp_path: Path) -> None:
    kinds = ("emulator killed", "emulator frozen", "function killed")
    trial = LocalTrial(tmp_path, seed=8, ratings=100, faults=len(kinds), only=kinds)
    try:
        report = trial.run()
    finally:
        trial.close()
    assert set(report.faults) == set(kinds)
    # What the emulator's table had forgotten came back from its objects, not from the device.
    assert report.exact, report
