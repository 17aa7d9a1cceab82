"""The best combinations found so far, and what could still displace one of them."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.search.search_space import Cells

# int32 scores of tables, or float32 expected stars of a model without.
Numbers = NDArray[Any]


class Found(NamedTuple):
    """The best combinations of a space, best first.

    Attributes:
        scores: of the tables, or expected stars where a model without tables was searched.
        cells: the combinations by index.
    """

    scores: Numbers
    cells: Cells


class Top:
    """The best k so far: by score, ties by director, year and genre set ascending.

    Args:
        k: how many to keep.
        directors: how many directors there are.
        repeat_directors: False to keep only the best combination of each director.
        years_of: gives numbers that ascend with the combinations' years; None for their columns.

    Attributes:
        floor: nothing below it can be among the best k; minus infinity until k are found.
    """

    def __init__(
        self,
        k: int,
        directors: int,
        *,
        repeat_directors: bool,
        years_of: Callable[[Cells], NDArray[np.int64]] | None = None,
    ) -> None:
        self.k = k
        self._years_of = years_of or attrgetter("years")
        self.repeat_directors = repeat_directors
        self.floor: float = -np.inf
        self._last_director = directors
        # Each director's best so far, to skip their lower combinations.
        self._reached = None if repeat_directors else np.full(directors, -np.inf)
        self._scores: Numbers = np.zeros(0)
        self._cells = Cells(*(np.zeros(0, np.int64) for _ in Cells._fields))

    def wants(self, scores: Numbers, directors: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which combinations of these directors could enter with these scores."""
        wanted: NDArray[np.bool_] = (scores > self.floor) | (
            (scores == self.floor) & (directors <= self._last_director)
        )
        if self._reached is not None:
            wanted &= scores >= self._reached[directors]
        return wanted

    def offer(self, scores: Numbers, cells: Cells) -> None:
        """Consider combinations; each is offered once."""
        wanted = self.wants(scores, cells.directors)
        if self.repeat_directors and np.count_nonzero(wanted) > 4 * self.k:
            place = len(scores) - self.k
            wanted &= scores >= np.partition(scores, place)[place]
        if not wanted.any():
            return
        if len(self._scores):
            scores = np.concatenate([self._scores, scores[wanted]])
            cells = Cells(*map(np.concatenate, zip(self._cells, cells.take(wanted), strict=True)))
        else:
            scores, cells = scores[wanted], cells.take(wanted)
        order = np.lexsort((cells.sets, self._years_of(cells), cells.directors, -scores))
        if self._reached is not None:
            order = order[_first_of_each(cells.directors[order])]
        order = order[: self.k]
        self._scores, self._cells = scores[order], cells.take(order)
        if self._reached is not None:
            self._reached[self._cells.directors] = self._scores
        if len(order) == self.k:
            self.floor = float(self._scores[-1])
            self._last_director = int(self._cells.directors[-1])

    def found(self, constant: int = 0) -> Found:
        """Return what was found, with the constant that every score has in common added."""
        return Found(self._scores + constant, self._cells)


def _first_of_each(directors: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return each director's first position, ascending.

    Without np.unique: its first call imports numpy.ma, which takes longer than a search.
    """
    order = np.argsort(directors, kind="stable")
    sorted_ = directors[order]
    first = np.ones(len(order), bool)
    first[1:] = sorted_[1:] != sorted_[:-1]
    return np.sort(order[first])
