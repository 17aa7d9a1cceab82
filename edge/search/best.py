"""The exact best combinations of a space, from the model's tables.

Three sieves, each exact: directors by falling ceiling; of each, the genre sets that could still
reach what is found; of those, every year. Combinations are ranked by score, ties by director, year
and genres in code-point order, which is the order of their indices.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.search.bounds import NEVER, Bounds
from edge.search.search_space import Cells, SearchSpace
from edge.search.tables import Int32, Ints, Tables
from edge.search.top import Found, Top

# How many pairs of a director and a set are bounded together; more spill out of the cache.
_PAIRS = 2**17
_FIRST_PAIRS = 2**15
# A value below this isn't a score: the combination is left out, or outside a career.
_SURELY_NONE = int(NEVER // 2)
# A director has about this many own sets, with a margin: plausible blocks are small, then large.
_OWN_SETS = 512
# How many combinations are looked at together.
_CELLS = 2**18
# How many pairs are searched, at first, before the floor is checked again.
_FIRST_STEP = 64


class Effort(NamedTuple):
    """How much of a space a search had to examine."""

    directors: int
    pairs: int
    combinations: int


class _Pairs(NamedTuple):
    """Pairs of a director and a set, as positions in the space, each of shape [P]."""

    directors: Ints
    sets: Ints
    part: Int32
    upper: Int32

    def take(self, chosen: Ints | NDArray[np.bool_]) -> _Pairs:
        return _Pairs(
            self.directors[chosen], self.sets[chosen], self.part[chosen], self.upper[chosen]
        )


class Search:
    """A space made ready to be searched: bounds are computed here, once."""

    def __init__(self, tables: Tables, space: SearchSpace) -> None:
        self.tables = tables
        self.space = space
        self.bounds = Bounds(tables, space)
        self.effort = Effort(0, 0, 0)

    def raised(self, offsets: Int32) -> Search:
        """Return a search for the best score *and* offset of its director.

        Args:
            offsets: of the space's directors, in scores, [directors].
        """
        raised = copy.copy(self)
        raised.bounds = self.bounds.raised(offsets)
        return raised

    def best(self, k: int, *, repeat_directors: bool = False) -> Found:
        """Return the best k combinations, best first; fewer if the space holds fewer.

        Args:
            k: how many.
            repeat_directors: False for the best combination of each of k directors, True for
                the best k of all.
        """
        top = Top(
            k,
            len(self.tables.index.names),
            repeat_directors=repeat_directors,
            years_of=self.space.calendar_years,
        )
        directors = pairs = cells = 0
        for block in self._directors(k, top):
            if self.bounds.own_part is None:
                opened, looked = self._open_every(block, top)
                pairs += len(block) * len(self.space.sets)
            else:
                opened, looked = self._open_own(block), 0
                pairs += len(opened.upper)
            directors += len(block)
            cells += looked + self._settle(opened, top)
        self.effort = Effort(directors, pairs, cells)
        return top.found(self.tables.constant)

    def _directors(self, k: int, top: Top) -> Iterator[Ints]:
        """Yield blocks of directors who could still be among the best."""
        bounds, space = self.bounds, self.space
        sets = max(len(space.sets), 1) if bounds.own_part is None else _OWN_SETS
        size = max(_FIRST_PAIRS // sets, 8 if top.repeat_directors else min(2 * k, 64))
        start = 0
        while start < len(bounds.order):
            block = bounds.order[start : start + size]
            if bounds.ceilings[block[0]] < top.floor:
                return
            start += size
            size = max(_PAIRS // sets, 16)
            block = block[top.wants(bounds.ceilings[block], space.directors[block])]
            if len(block):
                yield block

    def _open_own(self, block: Ints) -> _Pairs:
        """Return the plausible pairs of these directors, bounded."""
        bounds = self.bounds
        assert bounds.own_part is not None
        length = (bounds.own_starts[1:] - bounds.own_starts[:-1])[block]
        starts = np.cumsum(length) - length
        place = np.arange(length.sum()) + np.repeat(bounds.own_starts[block] - starts, length)
        return _Pairs(
            np.repeat(block, length),
            bounds.own_sets[place],
            bounds.own_part[place],
            bounds.own_upper[place],
        )

    def _open_every(self, block: Ints, top: Top) -> tuple[_Pairs, int]:
        """Return the pairs of these directors with any set that could matter, bounded."""
        bounds, space = self.bounds, self.space
        part = self.tables.genre_block(space.directors[block], space.sets)
        every_set = np.arange(len(space.sets))
        upper = bounds.pair_bounds(block[None, :], every_set[:, None], part)
        # Each director's most promising set first: it lifts the floor for all the others.
        column = np.arange(len(block))
        first = upper.argmax(axis=0)
        looked = self._look(_Pairs(block, first, part[first, column], upper[first, column]), top)
        upper[first, column] = NEVER
        wanted = np.flatnonzero(upper >= max(top.floor, _SURELY_NONE))
        sets, column = np.divmod(wanted, len(block))
        return _Pairs(block[column], sets, part.ravel()[wanted], upper.ravel()[wanted]), looked

    def _settle(self, rest: _Pairs, top: Top) -> int:
        """Search every pair that could matter; return how many combinations that was."""
        looked = 0
        step = _FIRST_STEP
        while True:
            rest = rest.take(top.wants(rest.upper, self.space.directors[rest.directors]))
            if not len(rest.upper):
                return looked
            if len(rest.upper) > step:
                order = np.argpartition(-rest.upper, step)
                now, rest = rest.take(order[:step]), rest.take(order[step:])
            else:
                now, rest = rest, rest.take(np.zeros(0, np.intp))
            looked += self._look(now, top)
            step = min(step * 4, max(_CELLS // max(len(self.space.years), 1), 1))

    def _look(self, pairs: _Pairs, top: Top) -> int:
        """Offer every year of these pairs."""
        bounds, space = self.bounds, self.space
        scores = np.add(
            bounds.pair_part[pairs.sets], bounds.year_part[pairs.directors], dtype=np.int32
        )
        scores += pairs.part[:, None]
        if space.plausible:
            begin, end = (edge[pairs.directors, None] for edge in space.windows)
            years = np.arange(len(space.years))
            scores[(years < begin) | (years >= end)] = NEVER
        directors, sets = space.directors[pairs.directors], space.sets[pairs.sets]
        if space.restricted:
            cells = Cells(directors[:, None], space.years[None, :], sets[:, None])
            scores[~space.admits(cells)] = NEVER
        if top.repeat_directors:
            pair, year = np.nonzero(scores >= max(top.floor, _SURELY_NONE))
            found = scores[pair, year]
        else:
            # Of one director only the best counts; argmax gives the earliest of equal years.
            year = scores.argmax(axis=1)
            found = scores[np.arange(len(year)), year]
            pair = np.flatnonzero(found > _SURELY_NONE)
            year, found = year[pair], found[pair]
        top.offer(found, Cells(directors[pair], space.years[year], sets[pair]))
        return int(scores.size)
