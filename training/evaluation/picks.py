"""What each method picks from slates of unseen films, and how certain the differences are.

A slate is a random sample of a test set's films; a method picks the one it expects most of. The
mean stars of its picks over all slates of a size follow without sampling: with films in the
method's order, `before` of them from this one on and `after` of them behind it, this one is picked
in

    C(before, size) / C(all, size) - C(after, size) / C(all, size)

of all slates. Intervals come from a bootstrap of directors: errors on films of one director are
correlated, and so are both methods' errors on the same films.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from training.model.careers import Floats, Ints

SIZES = (36, 360, 1_000)
ORACLE, CHANCE = "the best of each slate", "chance"
_DRAWS = 400
_ENDS = (2.5, 97.5)


class Unseen(NamedTuple):
    """A test set with the methods' predictions.

    Attributes:
        directors: [n].
        stars: [n].
        expected: of each method, [n].
    """

    directors: NDArray[np.object_]
    stars: Ints
    expected: Mapping[str, Floats]


class PickedStars(msgspec.Struct, frozen=True):
    """One method's picks from slates of one size.

    Attributes:
        stars: the mean true stars of the picks; low, high: the ends of its 95% interval.
        lead: how many stars better the first method picks; lead_low, lead_high: its ends.
    """

    method: str
    size: int
    stars: float
    low: float
    high: float
    lead: float
    lead_low: float
    lead_high: float


def picks(tests: Sequence[Unseen], sizes: Sequence[int] = SIZES) -> list[PickedStars]:
    """Return what each method picks, the mean over test sets that may share directors.

    The oracle and chance come last. Sizes over half a test set are left out: a draw of directors
    may contain fewer films.
    """
    names = sorted({str(name) for test in tests for name in test.directors})
    number = {name: i for i, name in enumerate(names)}
    times = _times(len(names))
    fewest = min(len(test.stars) for test in tests)
    found = []
    for size in (size for size in sizes if size <= fewest // 2):
        by_method = {
            method: np.mean([_stars(test, method, number, times, size) for test in tests], axis=0)
            for method in (*tests[0].expected, ORACLE, CHANCE)
        }
        ours = next(iter(by_method.values()))
        found += [_pick(method, size, of, ours) for method, of in by_method.items()]
    return found


def _times(directors: int) -> Ints:
    """Return how often each director is drawn: once each, then 400 draws, [401, directors]."""
    draw = np.random.default_rng(9)
    drawn = draw.multinomial(directors, np.full(directors, 1 / directors), _DRAWS)
    return np.vstack([np.ones(directors, np.int64), drawn])


def _stars(test: Unseen, method: str, number: Mapping[str, int], times: Ints, size: int) -> Floats:
    """Return the picks' mean stars for each draw of directors, [draws]."""
    of_film = times[:, [number[str(name)] for name in test.directors]]
    if method == CHANCE:
        by_chance: Floats = of_film @ test.stars / np.maximum(of_film.sum(axis=1), 1)
        return by_chance
    expected = test.stars.astype(float) if method == ORACLE else test.expected[method]
    # Films with equal predictions are in random order.
    order = np.lexsort((np.random.default_rng(3).random(len(expected)), -expected))
    counts = of_film[:, order]
    after = counts.sum(axis=1, keepdims=True) - np.cumsum(counts, axis=1)
    slates = _log_slates(int(counts.sum(axis=1).max()), size)
    every = slates[counts.sum(axis=1, keepdims=True)]
    share = np.exp(slates[after + counts] - every) - np.exp(slates[after] - every)
    picked: Floats = (share * test.stars[order]).sum(axis=1)
    return picked


def _log_slates(films: int, size: int) -> Floats:
    """Return how many slates there are of 0, 1, ... films: the logarithm, up to a constant."""
    table = np.full(films + 1, -np.inf)
    some = np.arange(size, films + 1, dtype=float)
    table[size:] = gammaln(some + 1) - gammaln(some - size + 1)
    return table


def _pick(method: str, size: int, of: Floats, ours: Floats) -> PickedStars:
    lead = ours - of
    low, high = np.percentile(of[1:], _ENDS)
    lead_low, lead_high = np.percentile(lead[1:], _ENDS)
    return PickedStars(
        method=method,
        size=size,
        stars=float(of[0]),
        low=float(low),
        high=float(high),
        lead=float(lead[0]),
        lead_low=float(lead_low),
        lead_high=float(lead_high),
    )
