"""What year and genres alone explain of a rating: the fixed effects of the mixed model.

A film of year y with genre flags g in {0,1}^G has the design row

    phi(y, g) = (1, spline(y), g, t g, q g, g_i g_j for common pairs, [|g| = 2], [|g| = 3])

with t the year in standard deviations from the mean, and q = 0.3 t^2 cut at 3. Years outside of
training count as the nearest training year: trends aren't extrapolated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import SplineTransformer

from training.model.careers import Floats, Ints

# A pair of genres gets its own effect if this many films have it.
MIN_PAIR_FILMS = 60
# The groups of columns that share a prior variance: the level's is free, the others are fitted.
LEVEL, TREND, GENRE, GENRE_TREND, PAIR = range(5)


class Span(NamedTuple):
    """The years of some films: first, last, mean and standard deviation (1 at least)."""

    first: float
    last: float
    mean: float
    scale: float


class FixedEffects:
    """The design matrix for films of some years and genres.

    Args:
        span: the years of the films to learn from.
        genres: how many there are.
        pairs: the genres that have an effect together, the lower ones and the higher ones,
            [2, pairs].

    Attributes:
        groups: the prior variance group of each column.
    """

    def __init__(self, span: Span, genres: int, pairs: Ints) -> None:
        self.span, self.pairs = span, pairs
        self._left, self._right = pairs
        self._spline = None
        if span.first < span.last:
            # Uniform knots depend on the first and the last year alone.
            self._spline = SplineTransformer(
                n_knots=7, degree=3, knots="uniform", extrapolation="constant"
            ).fit(_knots(np.array([span.first, span.last])))
        parts = self._parts(np.array([span.first]), np.zeros((1, genres)))
        of_part = [LEVEL, TREND, GENRE, GENRE_TREND, GENRE_TREND, PAIR, TREND]
        self.groups = np.repeat(of_part, [part.shape[1] for part in parts])

    @classmethod
    def of(cls, years: Floats, flags: Floats) -> FixedEffects:
        """Return the design for films with these years [n] and genre flags [n, genres]."""
        first, last = float(years.min()), float(years.max())
        span = Span(first, last, float(years.mean()), max(float(years.std()), 1.0))
        together = flags.T @ flags
        pairs = np.stack(np.nonzero(np.triu(together >= MIN_PAIR_FILMS, 1)))
        return cls(span, flags.shape[1], pairs)

    def _parts(self, years: Floats, flags: Floats) -> list[Floats]:
        inside = np.clip(years, self.span.first, self.span.last)
        t = ((inside - self.span.mean) / self.span.scale)[:, None]
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
