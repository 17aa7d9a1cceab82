"""Figures of predictions in which less is better, each of expected stars or of probabilities.

With mu the expected stars, p the distribution, k* its most probable class and y the stars:

    log loss          mean of -log p_y
    calibration       mean |accuracy - p_k*| over 15 bins of p_k*, weighted by the films in each
    regret            on slates of 36 random films: stars of the best film minus stars of the film
                      with the highest mu
    optimism          on the same slates: mu of the chosen film minus its stars
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

SLATE = 36
_SLATE_DRAWS = 4_000
_BINS = 15
_LEAST_PROBABILITY = 1e-6


def floored(probabilities: Floats) -> Floats:
    """Return the probabilities without zeros, each row's sum 1."""
    p = np.maximum(probabilities, _LEAST_PROBABILITY)
    p /= p.sum(axis=1, keepdims=True)
    return p


def log_losses(stars: Ints, probabilities: Floats) -> Floats:
    """Return -log p_y of each film, [n]."""
    losses: Floats = -np.log(floored(probabilities)[np.arange(len(stars)), stars - 1])
    return losses


def calibration_bins(stars: Ints, probabilities: Floats) -> list[tuple[float, float, int]]:
    """Return for each bin with films: mean p_k*, accuracy, number of films."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) + 1 == stars
    bins = np.clip((sure * _BINS).astype(int), 0, _BINS - 1)
    return [
        (float(sure[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    ]


def calibration_error(stars: Ints, probabilities: Floats) -> float:
    """Return the mean distance of accuracy from probability, weighted by films."""
    bins = calibration_bins(stars, probabilities)
    return sum(abs(sure - right) * films for sure, right, films in bins) / len(stars)


def slate_figures(
    stars: Ints, expected: Floats, size: int = SLATE, draws: int = _SLATE_DRAWS
) -> tuple[float, float]:
    """Return regret and optimism on slates of `size` random films; NaN if there are fewer films.

    Slates are cut from shuffles of all films, so that every film is offered equally often.
    """
    per_shuffle = len(stars) // size
    if per_shuffle == 0:
        return float("nan"), float("nan")
    draw = np.random.default_rng(36)
    slates = np.concatenate(
        [
            draw.permutation(len(stars))[: per_shuffle * size].reshape(per_shuffle, size)
            for _ in range(-(-draws // per_shuffle))
        ]
    )
    chosen = slates[np.arange(len(slates)), expected[slates].argmax(axis=1)]
    regret = (stars[slates].max(axis=1) - stars[chosen]).mean()
    return float(regret), float((expected[chosen] - stars[chosen]).mean())
