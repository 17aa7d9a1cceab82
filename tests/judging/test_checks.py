"""The checks that join the comparisons: each passes an honest model and can fail."""

from __future__ import annotations

import time

import numpy as np
import pytest

from data import limits
from judging.checks import FAMILIAR_MARGIN, calibration, familiar, latency, learnt, size
from judging.paired import Predictions

STARS = np.tile(np.arange(1, 11), 30)


def off_by(stars: float) -> Predictions:
    """Return predictions that are off by so many stars, and sure of the right ones."""
    return Predictions(STARS + stars, np.eye(10)[STARS - 1])


@pytest.mark.parametrize(("more", "passed"), [(-0.1, True), (0.1, True), (0.2, False)])
def test_a_model_may_fit_the_table_a_little_worse_than_the_incumbent(
    more: float, passed: bool
) -> None:
    assert 0.1 < FAMILIAR_MARGIN < 0.2
    assert familiar(STARS, off_by(0.5), off_by(0.5 + more)).passed == passed


def test_a_large_proven_gain_on_the_ratings_allows_a_larger_loss_on_the_table() -> None:
    before, now = off_by(0.5), off_by(0.75)
    assert not familiar(STARS, before, now, gain=0.9).passed
    assert familiar(STARS, before, now, gain=1.1).passed


@pytest.mark.parametrize(("seen", "passed"), [(0.4, True), (0.6, False)])
def test_a_file_must_fit_what_it_learnt_from_better_than_what_it_had_not_seen(
    seen: float, passed: bool
) -> None:
    assert learnt(STARS, off_by(seen), off_by(0.5)).passed == passed


def test_probabilities_that_promise_too_much_are_refused() -> None:
    sure = Predictions(STARS + 0.0, np.eye(10)[np.roll(STARS, 1) - 1])
    assert not calibration(STARS, off_by(0), sure).passed
    assert calibration(STARS, sure, off_by(0)).passed


def test_a_model_larger_than_devices_accept_is_refused() -> None:
    assert size(limits.MAX_MODEL_BYTES).passed
    assert not size(limits.MAX_MODEL_BYTES + 1).passed


def test_a_model_that_takes_twice_the_processor_time_is_refused() -> None:
    def work(seconds: float) -> None:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass

    assert latency(lambda: work(0.002), lambda: work(0.002)).passed
    assert not latency(lambda: work(0.002), lambda: work(0.008)).passed
