"""Losses against values worked out by hand."""

import numpy as np
import pytest

from judging.losses import calibration_error, floored, log_losses, slate_figures

EVEN = np.full((2, 10), 0.1)


def test_log_loss_is_of_the_stars_that_came():
    sure = np.eye(10)[[6, 2]]
    assert log_losses(np.array([7, 3]), sure) == pytest.approx([0, 0], abs=1e-4)
    assert log_losses(np.array([7, 3]), EVEN) == pytest.approx([np.log(10)] * 2)


def test_what_was_held_impossible_costs_much_but_not_everything():
    (loss,) = log_losses(np.array([1]), np.eye(10)[[9]])
    assert loss == pytest.approx(-np.log(1e-6), rel=1e-3)
    assert floored(np.eye(10)).sum(axis=1) == pytest.approx(np.ones(10))


def test_calibration_compares_how_sure_with_how_often_right():
    half = np.zeros((4, 10))
    half[:, 4], half[:, 5] = 0.51, 0.49
    assert calibration_error(np.array([5, 5, 6, 6]), half) == pytest.approx(0.01)
    assert calibration_error(np.array([5, 5, 5, 5]), half) == pytest.approx(0.49)


def test_an_oracle_has_no_regret():
    stars = np.random.default_rng(1).integers(1, 11, 100)
    assert slate_figures(stars, stars.astype(float)) == (0.0, 0.0)
    regret, optimism = slate_figures(stars, stars + 2.0)
    assert (regret, optimism) == (0.0, 2.0)
    regret, _ = slate_figures(stars, -stars.astype(float))
    assert regret > 5


def test_fewer_films_than_a_slate_holds_give_no_figure():
    assert np.isnan(slate_figures(np.ones(35, int), np.ones(35))).all()
