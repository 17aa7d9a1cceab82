"""How far the best of a slate is overrated."""

import numpy as np
import pytest

from training.evaluation import optimism

pytestmark = pytest.mark.numeric


def test_optimism_of_slates_is_zero_for_who_knows_the_truth():
    stars = np.random.default_rng(0).integers(1, 11, 400)
    found = optimism.of_slates(stars, stars.astype(float))
    assert found == {36: 0.0, 360: 0.0}
    assert optimism.of_slates(stars, stars + 0.5) == {36: 0.5, 360: 0.5}
