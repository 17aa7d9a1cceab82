"""Every figure against values worked out by hand."""

import math

import numpy as np
import pytest

from training.evaluation.metrics import (
    NAMES,
    by_director,
    calibration_error,
    confusion,
    metrics,
    ranked_probability_score,
    slate_figures,
)  # fmt: skip

pytestmark = pytest.mark.numeric

STARS = np.array([2, 5, 7, 7])
EXPECTED = np.array([3.0, 5.0, 6.0, 7.5])


def sure(*classes: int, p: float = 0.91) -> np.ndarray:
    """Rows with probability p on one class and the rest shared evenly."""
    table = np.full((len(classes), 10), (1 - p) / 9)
    table[np.arange(len(classes)), np.array(classes) - 1] = p
    return table


def test_figures_of_four_films_by_hand():
    found = metrics(STARS, EXPECTED, sure(3, 5, 7, 5))
    assert found["rmse"] == pytest.approx(math.sqrt((1 + 0 + 1 + 0.25) / 4))
    assert found["mae"] == pytest.approx(2.5 / 4)
    assert found["accuracy"] == 0.5
    assert found["within_one"] == 0.75
    assert found["log_loss"] == pytest.approx(-(math.log(0.01) * 2 + math.log(0.91) * 2) / 4)
    # Variance of 2, 5, 7, 7 is 4.1875.
    assert found["r2"] == pytest.approx(1 - 0.5625 / 4.1875)
    # Ranks of stars 1, 2, 3.5, 3.5 and of expected 1, 2, 3, 4.
    assert found["spearman"] == pytest.approx(4.5 / math.sqrt(4.5 * 5.0))
    # F1 of class 2: 0, 3: 0, 5: 2/3 (one right of two said, one there), 7: 2/3.
    assert found["f1"] == pytest.approx((0 + 0 + 2 / 3 + 2 / 3) / 4)
    # Every prediction is sure to 0.91, half of them are right.
    assert found["calibration"] == pytest.approx(0.91 - 0.5)
    assert set(found) == set(NAMES)


def test_ranked_probability_score_by_hand():
    certain = np.zeros((1, 10))
    certain[0, 3] = 1.0
    # Sure of 4 while 6 came true: below 4 and 5 the sums differ by one, twice.
    assert ranked_probability_score(np.array([6]), certain) == pytest.approx(2 / 9)
    assert ranked_probability_score(np.array([4]), certain) == 0.0
    even = np.full((1, 10), 0.1)
    wanted = sum((k / 10 - (k >= 6)) ** 2 for k in range(1, 11)) / 9
    assert ranked_probability_score(np.array([6]), even) == pytest.approx(wanted)


def test_calibration_error_weighs_bins_by_films():
    p = np.vstack([sure(5, 5, 5, p=0.5), sure(7, p=0.95)])
    # Bin of 0.5: one of three right; bin of 0.95: right.
    error = calibration_error(np.array([5, 6, 6, 7]), p)
    assert error == pytest.approx(0.75 * abs(0.5 - 1 / 3) + 0.25 * 0.05)


def test_regret_and_optimism_of_a_slate_by_hand():
    stars = np.array([3, 9, 5])
    regret, optimism = slate_figures(stars, np.array([4.0, 6.0, 7.5]), size=3, draws=10)
    # The third film is chosen: 5 stars where 9 were on offer, predicted 7.5.
    assert (regret, optimism) == (4.0, 2.5)
    assert slate_figures(stars, stars.astype(float), size=3, draws=10) == (0.0, 0.0)


def test_a_slate_of_more_films_than_there_are_gives_nan():
    assert all(math.isnan(v) for v in slate_figures(STARS, EXPECTED, size=36))


def test_prior_correction_gives_rare_classes_a_chance():
    p = np.tile([0.0, 0, 0, 0, 0, 0.55, 0.45, 0, 0, 0], (10, 1))
    p[9, 5:7] = 0.5, 0.5
    p[:9, 5], p[:9, 6] = 0.9, 0.1
    stars = np.array([6] * 9 + [7])
    found = metrics(stars, np.full(10, 6.1), p)
    assert found["f1"] < found["f1_prior"] == 1.0


def test_seen_and_unseen_directors_are_measured_apart():
    seen = np.array([True, True, False, False])
    found = by_director(STARS, EXPECTED, sure(2, 5, 7, 5), seen)
    assert found["seen"]["accuracy"] == 1.0
    assert found["unseen"]["accuracy"] == 0.5
    empty = by_director(STARS, EXPECTED, sure(2, 5, 7, 5), np.ones(4, bool))
    assert math.isnan(empty["unseen"]["rmse"])


def test_confusion_counts_stars_by_row():
    table = confusion(np.array([6, 6, 7]), np.array([6, 7, 7]))
    assert (table[5][5], table[5][6], table[6][6]) == (1, 1, 1)
    assert sum(map(sum, table)) == 3
