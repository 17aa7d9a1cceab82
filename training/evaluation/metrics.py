"""How good predictions are. All figures are against whole stars.

With mu the expected stars, p the distribution, k* its most probable class and y the stars:

    within_one        share of |k* - y| <= 1
    f1, f1_prior      mean over classes of F1 of k*; and of argmax p_k / sqrt(mean p_k), which
    favours
                      rare classes (half-way to equal priors)
    rps               ranked probability score, mean of sum_k (P(stars <= k) - [y <= k])^2 / 9

`judging.losses` defines log_loss, calibration, regret and optimism.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import f1_score

from judging.losses import calibration_error, floored, log_losses, slate_figures
from training.model.careers import Floats, Ints
from training.model.head import CLASSES


def metrics(stars: Ints, expected: Floats, probabilities: Floats) -> dict[str, float]:
    """Return all figures by name; NaN where too few films make a figure meaningless.

    Args:
        stars: [n], 1 to 10.
        expected: [n].
        probabilities: [n, 10].
    """
    if len(stars) == 0:
        return dict.fromkeys(NAMES, float("nan"))
    p = floored(probabilities)
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


def ranked_probability_score(stars: Ints, probabilities: Floats) -> float:
    """Return the mean ranked probability score."""
    below = np.cumsum(probabilities, axis=1)
    truth = np.arange(1, CLASSES + 1)[None] >= stars[:, None]
    return float(((below - truth) ** 2).sum(axis=1).mean() / (CLASSES - 1))


def confusion(stars: Ints, likeliest: Ints) -> tuple[tuple[int, ...], ...]:
    """Return how many films of each stars (row) got each most probable class (column)."""
    counts = np.zeros((CLASSES, CLASSES), int)
    np.add.at(counts, (stars - 1, likeliest - 1), 1)
    return tuple(tuple(int(n) for n in row) for row in counts)


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
    # A constant has no ranks; scipy would warn.
    if np.ptp(expected) < 1e-9 or np.ptp(stars) == 0:
        return 0.0
    return float(spearmanr(expected, stars).statistic)
