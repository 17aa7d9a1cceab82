"""A write, fsync, rename or removal fails: nothing promised is lost, and the work gets done."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig.failing_calls import CALLS, FailingCalls

SEED = 8


@pytest.mark.slow
@pytest.mark.usefixtures("strace")
def test_any_call_may_fail_and_be_tried_again(scratch: Path) -> None:
    found = FailingCalls(scratch).run(sum(map(len, CALLS.values())), SEED)
    # Each call, with each error that it may meet; the campaign has every place.
    assert len(found.runs) == sum(map(len, CALLS.values()))
    assert found.felt > len(found.runs) // 2
    assert found.broken == []
