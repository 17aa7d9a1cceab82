"""How good predictions are. All figures are against whole stars.

With mu the expected stars, p the distribution, k* its most probable class and y the stars:

    within_one        share of |k* - y| <= 1
    f1, f1_prior      mean over classes of F1 of k*; and of argmax p_k / sqrt(mean p_k), which gives
                      rare classes a chance (half-way to equal priors)
    log_loss          mean of -log p_y
    rps               ranked probability score, mean of sum_k (P(stars <= k) - [y <= k])^2 / 9
    calibration       mean |accuracy - p_k*| over 15 bins of p_k*, weighted by the films in each
    regret            on slates of 36 random films: stars of the best film minus stars of the film
                      with the highest mu
    optimism          on the same slates: mu of the chosen film minus its stars
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import f1_score

from training.model.careers import Floats, Ints
from training.model.head import CLASSES

SLATE = 36
_SLATE_DRAWS = 4_000
_BINS = 15
_LEAST_PROBABILITY = 1e-6


def metrics(stars: Ints, expected: Floats, probabilities: Floats) -> dict[str, float]:
    """Return all figures by name; NaN where too few films make a figure meaningless.

    Args:
        stars: [n], 1 to 10.
        expected: [n].
        probabilities: [n, 10].
    """
    if len(stars) == 0:
        return dict.fromkeys(NAMES, float("nan"))
    p = _floored(probabilities)
    likeliest = p.argmax(axis=1) + 1
    corrected = (p / np.sqrt(p.mean(axis=0))).argmax(axis=1) + 1
    error = expected - stars
    regret, optimism = slate_figures(stars, expected)
    return {
        "rmse": float(np.sqrt((error**2).mean())),
        "log_loss": float(log_losses(stars, probabilities).mean()),
        "regret": regret,
        "optimism": optimism,
        "accuracy": float((likeliest == stars).mean()),
        "f1": _macro_f1(stars, likeliest),
        "f1_prior": _macro_f1(stars, corrected),
        "within_one": float((np.abs(likeliest - stars) <= 1).mean()),
        "mae": float(np.abs(error).mean()),
        "r2": _r2(stars, error),
        "spearman": _spearman(stars, expected),
        "rps": ranked_probability_score(stars, p),
        "calibration": calibration_error(stars, p),
    }


NAMES = (
    "rmse", "log_loss", "regret", "optimism", "accuracy", "f1", "f1_prior", "within_one", "mae",
    "r2", "spearman", "rps", "calibration",
)  # fmt: skip


def _floored(probabilities: Floats) -> Floats:
    """Return the probabilities without zeros, each row's sum 1."""
    p = np.maximum(probabilities, _LEAST_PROBABILITY)
    p /= p.sum(axis=1, keepdims=True)
    return p


def log_losses(stars: Ints, probabilities: Floats) -> Floats:
    """Return -log p_y of each film, [n]."""
    losses: Floats = -np.log(_floored(probabilities)[np.arange(len(stars)), stars - 1])
    return losses


def ranked_probability_score(stars: Ints, probabilities: Floats) -> float:
    """Return the mean ranked probability score."""
    below = np.cumsum(probabilities, axis=1)
    truth = np.arange(1, CLASSES + 1)[None] >= stars[:, None]
    return float(((below - truth) ** 2).sum(axis=1).mean() / (CLASSES - 1))


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


def confusion(stars: Ints, likeliest: Ints) -> tuple[tuple[int, ...], ...]:
    """Return how many films of each stars (row) got each most probable class (column)."""
    counts = np.zeros((CLASSES, CLASSES), int)
    np.add.at(counts, (stars - 1, likeliest - 1), 1)
    return tuple(tuple(int(n) for n in row) for row in counts)


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


def by_director(
    stars: Ints, expected: Floats, probabilities: Floats, seen: NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """Return the figures of all films, and of those by seen and unseen directors."""
    return {
        name: metrics(stars[rows], expected[rows], probabilities[rows])
        for name, rows in (("all", np.ones_like(seen)), ("seen", seen), ("unseen", ~seen))
    }


def _macro_f1(stars: Ints, predicted: Any) -> float:
    return float(f1_score(stars, predicted, average="macro", zero_division=0))


def _r2(stars: Ints, error: Floats) -> float:
    variance = float(stars.var())
    return 1.0 - float((error**2).mean()) / variance if variance > 0 else float("nan")


def _spearman(stars: Ints, expected: Floats) -> float:
    # Of a constant there are no ranks; scipy would warn.
    if np.ptp(expected) < 1e-9 or np.ptp(stars) == 0:
        return 0.0
    return float(spearmanr(expected, stars).statistic)
