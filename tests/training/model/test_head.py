"""The head's probabilities are as wide as the errors were."""

import numpy as np
import pytest

from training.model.head import fit_head

pytestmark = pytest.mark.numeric


def test_the_head_learns_that_predictions_spread():
    draw = np.random.default_rng(0)
    expected = draw.normal(6, 1, 4000)
    stars = np.clip(np.rint(expected + draw.normal(0, 1.2, 4000)), 1, 10).astype(int)
    head = fit_head(expected, np.empty((4000, 0)), stars)
    p = head.probabilities(expected, np.empty((4000, 0)))
    mean = p @ np.arange(1, 11)
    spread = np.sqrt((p * (np.arange(1, 11) - mean[:, None]) ** 2).sum(axis=1)).mean()
    assert abs(spread - 1.24) < 0.1
    assert np.all(np.diff(head.cuts) > 0)


def test_the_head_is_less_sure_where_errors_are_usually_larger():
    draw = np.random.default_rng(0)
    expected, size = draw.normal(6, 1, 4000), draw.choice([0.4, 1.6], 4000)
    stars = np.clip(np.rint(expected + draw.normal(0, size)), 1, 10).astype(int)
    head = fit_head(expected, np.column_stack([np.zeros((4000, 2)), size]), stars)
    asked = np.array([[0.0, 0.0, 0.4], [0.0, 0.0, 1.6]])
    small, large = head.probabilities(np.full(2, 6.0), asked)
    assert small.max() > 1.5 * large.max()
