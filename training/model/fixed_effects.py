"""What year and genres alone explain of a rating: the fixed effects of the mixed model.

A film of year y with genre flags g in {0,1}^G has the design row

    phi(y, g) = (1, spline(y), g, t g, q g, g_i g_j for common pairs, [|g| = 2], [|g| = 3])

with t the year in standard deviations from the mean, and q = 0.3 t^2 cut at 3. Years outside of
training count as the nearest training year: trends aren't extrapolated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import SplineTransformer

from training.model.careers import Floats

# A pair of genres gets its own effect if this many films have it.
MIN_PAIR_FILMS = 60
# The groups of columns that share a prior variance: the level's is free, the others are fitted.
LEVEL, TREND, GENRE, GENRE_TREND, PAIR = range(5)


class FixedEffects:
    """The design matrix, fitted to the years and genres of some films.

    Attributes:
        groups: the prior variance group of each column.
    """

    def __init__(self, years: Floats, flags: Floats) -> None:
        """Take the years [n] and genre flags [n, genres] of the films to learn from."""
        self._first, self._last = float(years.min()), float(years.max())
        self._mean, self._scale = float(years.mean()), max(float(years.std()), 1.0)
        self._spline = None
        if len(np.unique(years)) > 1:
            self._spline = SplineTransformer(
                n_knots=7, degree=3, knots="uniform", extrapolation="constant"
            ).fit(_knots(years))
        together = flags.T @ flags
        self._left, self._right = np.nonzero(np.triu(together >= MIN_PAIR_FILMS, 1))
        parts = self._parts(years[:1], flags[:1])
        of_part = [LEVEL, TREND, GENRE, GENRE_TREND, GENRE_TREND, PAIR, TREND]
        self.groups = np.repeat(of_part, [part.shape[1] for part in parts])

    def _parts(self, years: Floats, flags: Floats) -> list[Floats]:
        inside = np.clip(years, self._first, self._last)
        t = ((inside - self._mean) / self._scale)[:, None]
        size = flags.sum(axis=1, keepdims=True)
        spline = np.zeros((len(years), 0))
        if self._spline is not None:
            spline = self._spline.transform(_knots(inside))
        return [
            np.ones((len(years), 1)),
            spline,
            flags,
            flags * t,
            flags * 0.3 * np.clip(t, -3, 3) ** 2,
            flags[:, self._left] * flags[:, self._right],
            np.hstack([size == 2, size == 3]).astype(float),
        ]

    def design(self, years: Floats, flags: Floats) -> Floats:
        """Return phi of each film, [n, columns]."""
        return np.hstack(self._parts(np.asarray(years, float), np.asarray(flags, float)))


def _knots(years: Floats) -> NDArray[np.float64]:
    return np.asarray(years, float)[:, None]
