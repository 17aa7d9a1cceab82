"""The ordinal head: from expected stars to the distribution over 1 to 10.

    x = (mu, mu^2, log(1 + films), spread of the director's ratings, e, (mu - 5.5) e), standardised
        to z; e is the usual size of the error (error_size)
    P(stars <= k) = sigmoid((cut_k - z b) / exp(s)),   s = z c cut to -1.5 .. 1.5
    P(stars = k)  = floor + (1 - 10 floor) (P(stars <= k) - P(stars <= k - 1))

The cuts are increasing, so every class has some probability, and the floor limits the loss of a
single film to log(1 / floor). The head is fitted by maximum likelihood on predictions for unseen
films.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from training.model.careers import Floats

CLASSES = 10
FLOOR = 5e-4
MAX_LOG_SCALE = 1.5
# The spread assumed for a single film.
USUAL_SPREAD = 1.0
# The middle of the scale, subtracted from mu before multiplying by the error's size.
MIDDLE = 5.5
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

    def probabilities(self, expected: Floats, known: Floats) -> Floats:
        """Return the distribution over 1..10, [n, 10].

        Args:
            expected: expected stars, [n].
            known: the other inputs of each row, as for head_inputs.
        """
        z = (head_inputs(expected, known) - self.mean) / self.scale
        return distribution(self.cuts, z @ self.location, z @ self.log_scale)


def director_inputs(films: Floats, spread: Floats) -> Floats:
    """Return the head's inputs for each director, [n, 2]."""
    return np.stack([np.log1p(films), np.where(np.isnan(spread), USUAL_SPREAD, spread)], axis=1)


def head_inputs(expected: Floats, known: Floats) -> Floats:
    """Return x, [n, inputs].

    Args:
        expected: expected stars, [n].
        known: director_inputs and the usual size of the error, [n, 3]; or nothing, [n, 0], for a
            predictor that has neither.
    """
    x = [expected, expected**2, known]
    if known.shape[1]:
        x.append((expected - MIDDLE) * known[:, -1])
    return np.column_stack(x)


def distribution(cuts: Floats, location: Floats, log_scale: Floats) -> Floats:
    """Return P(stars = k), [n, 10]."""
    scale = np.exp(-np.clip(log_scale, -MAX_LOG_SCALE, MAX_LOG_SCALE))
    below = expit((cuts[None] - location[:, None]) * scale[:, None])
    edges = np.hstack([np.zeros((len(below), 1)), below, np.ones((len(below), 1))])
    return FLOOR + (1.0 - CLASSES * FLOOR) * np.diff(edges, axis=1)


def fit_head(expected: Floats, known: Floats, stars: NDArray[np.int64]) -> OrdinalHead:
    """Fit a head to predictions of unseen films, their other inputs, and their stars."""
    x = head_inputs(expected, known)
    # Don't scale an input that hardly varies (a constant prediction) up into a signal.
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 0.05)
    z = (x - mean) / scale
    found = minimize(
        _Likelihood(z, stars), _start(stars, z.shape[1]), jac=True, method="L-BFGS-B",
        options={"maxiter": 200},
    )  # fmt: skip
    return OrdinalHead(mean, scale, *_unpack(found.x))


def _unpack(v: Floats) -> tuple[Floats, Floats, Floats]:
    """Return cuts, b and c of the optimised vector: first cut, log steps of the others, b, c."""
    b, c = np.split(v[CLASSES - 1 :], 2)
    return v[0] + np.concatenate([[0.0], np.cumsum(np.exp(v[1 : CLASSES - 1]))]), b, c


class _Likelihood:
    """The mean of -log p_y and its gradient.

    With sigma' = sigma (1 - sigma) at the upper and lower edge of the true class,
    e = (cut - z b) exp(-s) and p = floor + kept (sigma(e_upper) - sigma(e_lower)):

        dp/dcut = +- kept sigma' exp(-s)        dp/d(zb) = - kept exp(-s) (sigma'_u - sigma'_l)
        dp/ds   = - kept (sigma'_u e_u - sigma'_l e_l),  0 where s is cut
    """

    def __init__(self, z: Floats, stars: NDArray[np.int64]) -> None:
        self._z = z
        self._stars = stars

    def __call__(self, v: Floats) -> tuple[float, Floats]:
        cuts, b, c = _unpack(v)
        raw = self._z @ c
        log_scale = np.clip(raw, -MAX_LOG_SCALE, MAX_LOG_SCALE)
        scale = np.exp(-log_scale)
        location = self._z @ b
        upper, upper_slope, upper_at = self._edge(cuts, self._stars, location, scale)
        lower, lower_slope, lower_at = self._edge(cuts, self._stars - 1, location, scale)
        kept = 1.0 - CLASSES * FLOOR
        p = FLOOR + kept * (upper - lower)
        outer = -kept / (p * len(p))
        by_cut = np.bincount(self._stars, outer * upper_slope * scale, CLASSES + 1)
        by_cut -= np.bincount(self._stars - 1, outer * lower_slope * scale, CLASSES + 1)
        by_cut = by_cut[1:CLASSES]
        by_location = -outer * scale * (upper_slope - lower_slope)
        by_scale = -outer * (upper_slope * upper_at - lower_slope * lower_at)
        by_scale[raw != log_scale] = 0.0
        gradient = np.concatenate(
            [
                [by_cut.sum()],
                np.exp(v[1 : CLASSES - 1]) * np.cumsum(by_cut[::-1])[::-1][1:],
                by_location @ self._z,
                by_scale @ self._z,
            ]
        )
        slopes = np.concatenate([np.zeros(CLASSES - 1), v[CLASSES - 1 :]])
        loss = -np.log(p).mean() + _PENALTY * (slopes**2).sum()
        return float(loss), gradient + 2.0 * _PENALTY * slopes

    @staticmethod
    def _edge(
        cuts: Floats, edge: NDArray[np.int64], location: Floats, scale: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Return sigma, its slope and its argument at each row's edge 0..10."""
        inside = (edge > 0) & (edge < CLASSES)
        at = np.where(inside, (cuts[np.clip(edge - 1, 0, CLASSES - 2)] - location) * scale, 0.0)
        sigma = np.where(inside, expit(at), edge / CLASSES)
        return sigma, np.where(inside, sigma * (1.0 - sigma), 0.0), at


def _start(stars: NDArray[np.int64], inputs: int) -> Floats:
    """Return parameters for the class frequencies, with some slope in the expected stars."""
    share = np.cumsum(np.bincount(stars, minlength=CLASSES + 1)[1:CLASSES]) / len(stars)
    share = np.clip(share, 1e-4, 1.0 - 1e-4)
    logits = 1.5 * np.maximum.accumulate(np.log(share / (1 - share)) + np.arange(9) * 1e-3)
    slopes = np.zeros(2 * inputs)
    slopes[0] = 1.5
    return np.concatenate([logits[:1], np.log(np.diff(logits) + 1e-3), slopes])
