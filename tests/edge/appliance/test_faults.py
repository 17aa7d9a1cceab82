"""Under a fault, exit codes, light, status and doctor agree; `make faults` tries them all.

What an open page shows when its appliance stops is in `tests/edge/page/test_connection.py`.
"""

from __future__ import annotations

import pytest

from .fault_trial import begin, trial
from .faults import FAULTS


@pytest.mark.parametrize("name", ["journal replaced"])
def test_all_witnesses_agree_and_nothing_confirmed_is_lost(supplied, name):
    wrong = list(trial(begin(supplied), FAULTS[name], (("rate", "8"), ("status",), ("stop",))))
    assert wrong == []
