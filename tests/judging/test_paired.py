"""The paired bootstrap: what it measures, and how often it is fooled."""

import numpy as np
import pytest

from judging import paired
from judging.paired import Predictions, compare, slate_size
from training.evaluation.metrics import metrics

pytestmark = pytest.mark.numeric


def world(films: int, seed: int, noise: tuple[float, float]):
    """Return stars, and the predictions of two models with so much noise."""
    draw = np.random.default_rng(seed)
    truth = draw.normal(6.5, 1.0, films)
    stars = np.clip(np.rint(truth + draw.normal(0, 0.8, films)), 1, 10).astype(np.int64)
    return stars, *(predictions(truth + draw.normal(0, level, films)) for level in noise)


def predictions(expected):
    apart = np.arange(1, 11)[None] - expected[:, None]
    weights = np.exp(-0.5 * apart**2)
    return Predictions(expected, weights / weights.sum(axis=1, keepdims=True))


def test_the_figures_are_those_of_the_metrics():
    stars, one, other = world(400, 0, (0.3, 0.5))
    measured = {c.figure: c for c in compare("holdout", stars, one, other)}
    for place, model in (("incumbent", one), ("candidate", other)):
        wanted = metrics(stars, *model)
        for figure, comparison in measured.items():
            assert getattr(comparison, place) == pytest.approx(wanted[figure])
    for c in measured.values():
        assert c.difference == pytest.approx(c.candidate - c.incumbent)
        assert c.low <= c.difference <= c.high


def test_a_model_compared_with_itself_differs_by_nothing():
    stars, one, _ = world(60, 1, (0.5, 0.5))
    for c in compare("feedback", stars, one, one):
        assert (c.difference, c.low, c.high) == (0.0, 0.0, 0.0)


def test_the_same_films_give_the_same_intervals():
    world_ = world(80, 2, (0.5, 0.4))
    assert compare("feedback", *world_) == compare("feedback", *world_)


def test_a_truly_better_model_is_shown_better_and_a_worse_one_worse():
    stars, good, bad = world(200, 3, (0.2, 1.2))
    better = {c.figure: c for c in compare("feedback", stars, bad, good)}
    worse = {c.figure: c for c in compare("feedback", stars, good, bad)}
    for figure in paired.FIGURES:
        assert better[figure].high < 0 < worse[figure].low


def test_two_equally_good_models_rarely_seem_different(monkeypatch):
    # Fewer draws and films than the gate has: quick, and the interval's share is the same.
    monkeypatch.setattr(paired, "DRAWS", 300)
    fooled = 0
    for seed in range(100):
        compared = compare("feedback", *world(40, 100 + seed, (0.6, 0.6)))
        rmse = next(c for c in compared if c.figure == "rmse")
        fooled += rmse.high < 0
    assert fooled <= 9  # 2.5 are expected; more than 9 of 100 come by chance once in 5,000


@pytest.mark.parametrize(("films", "size"), [(10, 2), (40, 10), (143, 35), (144, 36), (9_999, 36)])
def test_few_films_make_smaller_slates(films, size):
    assert slate_size(films) == size
