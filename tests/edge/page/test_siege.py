"""Under siege the button works, the owner rates on the page, and the log stays small.

`make siege` is the same for longer, with figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .siege import Owner, PressedByKeys, flooded

PRESSES, APPROVALS = 8, 1
MOST_LOG_BYTES = 20_000
LONGEST_PRESS_MS = 5_000.0


@pytest.fixture
def appliance(tmp_path: Path, bundle: Path, keys) -> Iterator[PressedByKeys]:
    with PressedByKeys(tmp_path / "state", keys[0]) as running:
        running.give_model(bundle)
        yield running


def test_flooded_it_does_all_its_owner_asks_and_logs_little(appliance: PressedByKeys):
    owner = Owner(appliance)
    with flooded(appliance, addresses=200, seconds=60):
        appliance.wait_until_flooded()
        figures = owner.work(PRESSES, APPROVALS)
    assert figures.failed == []
    assert figures.done == PRESSES + APPROVALS
    # `make siege` compares with a quiet hour; here it's enough that nothing hangs.
    assert max(figures.press_ms) < LONGEST_PRESS_MS
    assert figures.log_bytes < MOST_LOG_BYTES
    assert appliance.process.poll() is None
