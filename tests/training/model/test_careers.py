"""Films grouped by director."""

import numpy as np
import pytest

from training.model.careers import group_by

pytestmark = pytest.mark.numeric


def test_groups_hold_every_position_once():
    keys = np.array([3, 1, 3, 2, 1])
    assert [(k, list(v)) for k, v in group_by(keys)] == [(1, [1, 4]), (2, [3]), (3, [0, 2])]
