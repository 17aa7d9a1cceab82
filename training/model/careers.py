"""Directors' careers, stacked so that all directors with the same number of films go in one step.

A director with n films is one row of arrays with n columns. Everything derived from a director's
films is computed for whole stacks of directors with the same n, so numpy needs no padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Stack(NamedTuple):
    """k directors with n films each.

    Attributes:
        years: [k, n].
        residuals: rating minus what year and genres alone explain, [k, n].
        ratings: [k, n].
        weights: the mixed model's weight of each film (alpha), [k, n].
        popularity: log votes minus the year's usual, [k, n]; 0 if unknown.
        flags: genre flags, [k, n, genres].
    """

    years: Floats
    residuals: Floats
    ratings: Floats
    weights: Floats
    popularity: Floats
    flags: Floats

    @property
    def directors(self) -> int:
        """How many directors it has."""
        return len(self.years)

    @property
    def films(self) -> int:
        """How many films each of them has."""
        return int(self.years.shape[1])

    def take(self, rows: Ints) -> Stack:
        """Return the stack of some of its directors (repeats are allowed)."""
        return Stack(*(column[rows] for column in self))


def group_by(keys: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield each key with its positions, ascending."""
    order = np.argsort(keys, kind="stable")
    values, starts = np.unique(keys[order], return_index=True)
    for value, positions in zip(values, np.split(order, starts[1:]), strict=True):
        yield int(value), positions


class Careers:
    """The films of all directors, by director.

    Attributes:
        names: directors in code-point order; the number after the last is for unknown ones.
        counts: films of each, [directors + 1]; unknown ones have none.
        columns: those of a Stack, of all films in the order of their directors.
    """

    def __init__(self, directors: NDArray[np.object_], columns: Sequence[Floats]) -> None:
        """Take the directors of n films, and the columns of a Stack as arrays of n rows."""
        self.names: list[str] = sorted(set(directors))
        self._number = {name: i for i, name in enumerate(self.names)}
        of_film = np.array([self._number[name] for name in directors], np.int64)
        order = np.argsort(of_film, kind="stable")
        self.counts = np.append(np.bincount(of_film, minlength=len(self.names)), 0)
        self._starts = np.concatenate([[0], np.cumsum(self.counts)])[: len(self.counts)]
        self.columns = [np.asarray(column, float)[order] for column in columns]

    @property
    def unknown(self) -> int:
        """The number of unknown directors, who have no films."""
        return len(self.names)

    def numbers_of(self, directors: NDArray[np.object_]) -> Ints:
        """Return each name's number, or that of unknown directors."""
        return np.array([self._number.get(name, self.unknown) for name in directors], np.int64)

    def stack(self, numbers: Ints, films: int) -> Stack:
        """Return the stack of directors who all have `films` films."""
        positions = self._starts[numbers][:, None] + np.arange(films)
        return Stack(*(column[positions] for column in self.columns))

    def own_genres(self) -> NDArray[np.bool_]:
        """Return which genres each director has worked in, [directors + 1, genres]."""
        flags = self.columns[-1] > 0
        owned = np.zeros((len(self.counts), flags.shape[1]), bool)
        for number in range(self.unknown):
            start = self._starts[number]
            owned[number] = flags[start : start + self.counts[number]].any(axis=0)
        return owned
