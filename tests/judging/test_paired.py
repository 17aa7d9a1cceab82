"""The paired bootstrap: what it measures, and how often it is fooled."""

import numpy as np
import pytest

from judging import paired
from judging.losses import log_losses
from judging.paired import (
    Predictions,
    clusters_of,
    compare,
    slate_size,
    spent,
    student_quantile,
)
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


def test_several_ratings_of_a_director_widen_the_interval():
    stars, one, other = world(120, 4, (0.6, 0.6))
    # Ten copies of each film: no more is known than of twelve.
    some = np.repeat(np.arange(12), 10)
    args = stars[some], one.take(some), other.take(some)
    alone = {c.figure: c for c in compare("feedback", *args)}
    together = {c.figure: c for c in compare("feedback", *args, clusters=[some])}
    for figure in ("rmse", "log_loss"):
        narrow, wide = (c[figure].high - c[figure].low for c in (alone, together))
        assert wide > 2 * narrow
    both = compare("feedback", *args, clusters=[np.arange(120), some])
    assert both[0].high == together["rmse"].high


def test_fewer_than_ten_clusters_are_judged_by_students_t():
    stars, one, other = world(60, 5, (0.6, 0.6))
    few = np.arange(60) % 5
    found = compare("feedback", stars, one, other, clusters=[few])
    by_director = [(log_losses(stars, m.probabilities)) for m in (one, other)]
    means = [np.bincount(few, by) / 12 for by in by_director]
    difference = means[1] - means[0]
    half = 2.776 * difference.std(ddof=1) / np.sqrt(5)
    log_loss = found[1]
    assert log_loss.high == pytest.approx(difference.mean() + half, rel=1e-3)
    single = compare("feedback", stars, one, other, clusters=[few * 0])
    assert single[0].low < -5 < 5 < single[0].high


@pytest.mark.parametrize(
    ("share", "freedom", "wanted"),
    [(0.975, 1, 12.706), (0.975, 4, 2.776), (0.995, 8, 3.355), (0.025, 4, -2.776), (0.5, 3, 0.0)],
)
def test_students_quantiles_are_those_of_the_tables(share, freedom, wanted):
    assert student_quantile(share, freedom) == pytest.approx(wanted, abs=2e-3)


def test_devices_count_from_three_on():
    directors = ["a", "b", "c", "a"]
    assert clusters_of(directors, ["x", "y", "x", "y"]) == [directors]
    assert clusters_of(directors, ["x", "y", "z", "y"]) == [directors, ["x", "y", "z", "y"]]


def test_a_later_look_is_judged_more_strictly_and_says_its_level():
    stars, one, other = world(80, 6, (0.6, 0.5))
    first, fourth = (compare("feedback", stars, one, other, alpha=spent(k))[0] for k in (1, 4))
    assert fourth.low < first.low
    assert first.high < fourth.high
    assert fourth.level == pytest.approx(1 - spent(4))
