"""Complete faults on real parts: mosquitto over mutual TLS, the real commands, real processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig.trial import Trial

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]

RATINGS = 2_000
FAULTS = 30


def test_two_thousand_ratings_through_thirty_faults_arrive_each_once(
    mosquitto_path: str, tmp_path: Path
) -> None:
    trial = Trial(mosquitto_path, tmp_path, seed=8, ratings=RATINGS, faults=FAULTS)
    try:
        report = trial.run()
    finally:
        trial.close()
    assert sum(report.faults.values()) == FAULTS
    # A kill between commit and confirmation leaves a rating that is stored but was not confirmed.
    assert report.confirmed == RATINGS + report.by_owner <= report.rated, report
    assert report.by_owner > 0, report
    assert report.exact, report
    # The last service to be started has as many threads and files as the first had.
    first, last = report.usage[0], report.usage[-1]
    assert last["threads"] <= first["threads"] + 2, report.usage
    assert last["files"] <= first["files"] + 3, report.usage
