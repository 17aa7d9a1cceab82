"""The ordinal head: from expected stars to the distribution over 1 to 10.

    x = (mu, mu^2, log(1 + films), spread of the director's ratings), standardised to z
    P(stars <= k) = sigmoid((cut_k - z b) / exp(s)),   s = z c cut to -1.5 .. 1.5
    P(stars = k)  = floor + (1 - 10 floor) (P(stars <= k) - P(stars <= k - 1))

The cuts rise, so every class has some probability, and the floor keeps a surprise from costing
more than log(1 / floor). The head is fitted by maximum likelihood on predictions for films that
the predictor had not seen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from training.careers import Floats

CLASSES = 10
FLOOR = 5e-4
MAX_LOG_SCALE = 1.5
# A single film's spread is not known; this is taken instead.
USUAL_SPREAD = 1.0
_PENALTY = 1e-4


class OrdinalHead(NamedTuple):
    """A fitted head.

    Attributes:
        mean, scale: of the inputs x, [inputs].
        cuts: [9], rising.
        location, log_scale: the coefficients b and c, [inputs].
    """

    mean: Floats
    scale: Floats
    cuts: Floats
    location: Floats
    log_scale: Floats

    def probabilities(self, expected: Floats, director: Floats) -> Floats:
        """Return the distribution over 1..10, [n, 10].

        Args:
            expected: expected stars, [n].
            director: the director's inputs (director_inputs), [n, inputs - 2].
        """
        z = (head_inputs(expected, director) - self.mean) / self.scale
        return distribution(self.cuts, z @ self.location, z @ self.log_scale)


def director_inputs(films: Floats, spread: Floats) -> Floats:
    """Return what the head wants to know of each director, [n, 2]."""
    return np.stack([np.log1p(films), np.where(np.isnan(spread), USUAL_SPREAD, spread)], axis=1)


def head_inputs(expected: Floats, director: Floats) -> Floats:
    """Return x, [n, 2 + director inputs]."""
    return np.column_stack([expected, expected**2, director])


def distribution(cuts: Floats, location: Floats, log_scale: Floats) -> Floats:
    """Return P(stars = k), [n, 10]."""
    scale = np.exp(-np.clip(log_scale, -MAX_LOG_SCALE, MAX_LOG_SCALE))
    below = expit((cuts[None] - location[:, None]) * scale[:, None])
    edges = np.hstack([np.zeros((len(below), 1)), below, np.ones((len(below), 1))])
    return FLOOR + (1.0 - CLASSES * FLOOR) * np.diff(edges, axis=1)


def fit_head(expected: Floats, director: Floats, stars: NDArray[np.int64]) -> OrdinalHead:
    """Fit a head to predictions of unseen films and what those films got."""
    x = head_inputs(expected, director)
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = (x - mean) / scale
    inputs = z.shape[1]

    def unpack(v: Floats) -> tuple[Floats, Floats, Floats]:
        steps = np.exp(np.clip(v[1 : CLASSES - 1], -12.0, 4.0))
        cuts = v[0] + np.concatenate([[0.0], np.cumsum(steps)])
        return cuts, v[CLASSES - 1 : CLASSES - 1 + inputs], v[CLASSES - 1 + inputs :]

    def loss(v: Floats) -> float:
        cuts, location, log_scale = unpack(v)
        p = distribution(cuts, z @ location, z @ log_scale)[np.arange(len(z)), stars - 1]
        penalty = _PENALTY * float((v[CLASSES - 1 :] ** 2).sum())
        return float(-np.log(p).mean()) + penalty

    found = minimize(loss, _start(stars, inputs), method="L-BFGS-B", options={"maxiter": 80})
    cuts, location, log_scale = unpack(found.x)
    return OrdinalHead(mean, scale, cuts, location, log_scale)


def _start(stars: NDArray[np.int64], inputs: int) -> Floats:
    """Return the parameters of the plain frequencies, with some slope in the expected stars."""
    share = np.cumsum(np.bincount(stars, minlength=CLASSES + 1)[1:CLASSES]) / len(stars)
    share = np.clip(share, 1e-4, 1.0 - 1e-4)
    logits = 1.5 * np.maximum.accumulate(np.log(share / (1 - share)) + np.arange(9) * 1e-3)
    slopes = np.zeros(2 * inputs)
    slopes[0] = 1.5
    return np.concatenate([logits[:1], np.log(np.diff(logits) + 1e-3), slopes])
