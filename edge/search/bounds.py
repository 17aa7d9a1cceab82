"""Upper bounds: the best score that a director can reach in a space, without looking at it all.

They are computed once for a space, when it is loaded; a search then opens directors in falling
order of their bounds and stops once no other director can reach what is already found. A bound is
a sum of maxima, so it is never below a true score, which is all that exactness needs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.search.search_space import SearchSpace
from edge.search.tables import SIZES, Tables

Ints = NDArray[np.integer]
Int32 = NDArray[np.int32]

# Below every sum of table entries, and small enough to add some to it.
NEVER = np.int32(-(2**30))
# How many directors are bounded together.
_TOGETHER = 8192
# Below every table entry; a few of them can be added up.
_IMPOSSIBLE = np.int32(-(2**24))


class Bounds:
    """The parts of scores in one space, and bounds on their sums; the constant is left out.

    Positions count within the space: director j is `space.directors[j]`, and so on.

    Attributes:
        year_part: director_year in the space, int16 [directors, years]; int32 once raised.
        pair_part: year_genres in the space, int16, sets first: [sets, years].
        best_year: each director's highest year part within the window, int32 [directors].
        best_year_and_set: the same with each year's best set added, int32 [directors].
        best_of_set: each set's highest pair part over the years, int32 [sets].
        own_part: the genre part of each plausible pair, or None if all sets are searched;
            own_upper, own_sets: their bounds and sets; own_starts: where a director's begin.
        ceilings: a bound on each director's score, int32 [directors].
        order: positions of directors who have any combination, by falling ceiling, then name.
    """

    def __init__(self, tables: Tables, space: SearchSpace) -> None:
        self.tables = tables
        self.space = space
        self.year_part = tables.director_year[_rows(space.directors)][:, _rows(space.years)]
        self.pair_part = np.ascontiguousarray(
            tables.year_genres[_rows(space.years)][:, _rows(space.sets)].T
        )
        self.own_part: Int32 | None = None
        if 0 in (len(space.directors), len(space.years), len(space.sets)):
            self.order = np.zeros(0, np.int64)
            return
        self.best_of_set = self.pair_part.max(axis=1).astype(np.int32)
        self._bound_years()
        if space.plausible:
            self._bound_own_pairs()
        else:
            self.ceilings = self.best_year_and_set + self._genre_ceilings()
        self.order = _falling(self.ceilings)

    def raised(self, offsets: Int32) -> Bounds:
        """Return the bounds of scores to which each director's offset is added.

        An offset belongs to all of a director's combinations alike, so what bounded their scores
        bounds them still.

        Args:
            offsets: of the space's directors, [directors]; far smaller than NEVER.
        """
        raised = copy.copy(self)
        raised.year_part = self.year_part + offsets[:, None]
        if not len(self.order):
            return raised
        raised.best_year = self.best_year + offsets
        raised.best_year_and_set = self.best_year_and_set + offsets
        raised.ceilings = self.ceilings + offsets
        if self.own_part is not None:
            raised.own_upper = self.own_upper + np.repeat(offsets, np.diff(self.own_starts))
        raised.order = _falling(raised.ceilings)
        return raised

    def _bound_years(self) -> None:
        best_set = self.pair_part.max(axis=0)
        begin, end = self.space.windows
        if not self.space.plausible:
            self.best_year = self.year_part.max(axis=1).astype(np.int32)
            self.best_year_and_set = np.empty(len(self.year_part), np.int32)
            for block in _blocks(len(self.year_part)):
                together = np.add(self.year_part[block], best_set, dtype=np.int32)
                together.max(axis=1, out=self.best_year_and_set[block])
            return
        count = len(self.space.directors)
        self.best_year = np.full(count, NEVER)
        self.best_year_and_set = np.full(count, NEVER)
        some = np.flatnonzero(end > begin)
        if not len(some):
            return
        length = (end - begin)[some]
        starts = np.cumsum(length) - length
        years = np.arange(length.sum()) - np.repeat(starts - begin[some], length)
        part = self.year_part[np.repeat(some, length), years].astype(np.int32)
        self.best_year[some] = np.maximum.reduceat(part, starts)
        part += best_set[years]
        self.best_year_and_set[some] = np.maximum.reduceat(part, starts)

    def _bound_own_pairs(self) -> None:
        """Bound each plausible pair; a director's ceiling is the best of theirs."""
        space = self.space
        everyone, every_set = space.index.own_pairs
        places = _rows(space.own_places)
        self.own_part = self.tables.own_parts[places]
        self.own_sets = _positions(space.sets, every_set[places])
        own_directors = _positions(space.directors, everyone[places])
        count = np.bincount(own_directors, minlength=len(space.directors))
        self.own_starts = np.concatenate([[0], np.cumsum(count)])
        self.own_upper = self.pair_bounds(own_directors, self.own_sets, self.own_part)
        self.ceilings = np.full(len(space.directors), NEVER)
        some = np.flatnonzero(count)
        if len(some):
            self.ceilings[some] = np.maximum.reduceat(self.own_upper, self.own_starts[some])

    def pair_bounds(self, directors: Ints, sets: Ints, part: Int32) -> Int32:
        """Bound the score of pairs with this genre part, over the years of the window.

        The arguments broadcast: positions of directors, positions of sets, genre parts.
        """
        upper: Int32 = self.best_year[directors] + self.best_of_set[sets]
        np.minimum(upper, self.best_year_and_set[directors], out=upper)
        upper += part
        return upper

    def _genre_ceilings(self) -> Int32:
        """Bound each director's genre part, by a set's size and how many of it are their own."""
        space = self.space
        members = space.index.sets.members[space.sets]
        allowed = _rows(_different(members[members < len(space.index.sets.genres)]))
        ceilings = np.full(len(space.directors), NEVER)
        for some in _blocks(len(space.directors)):
            self._raise_to_genre_ceilings(ceilings[some], _rows(space.directors[some]), allowed)
        return ceilings

    def _raise_to_genre_ceilings(
        self, ceilings: Int32, rows: slice | Ints, allowed: slice | Ints
    ) -> None:
        """Raise the ceilings of a block of directors, in place."""
        tables, space = self.tables, self.space
        single = tables.director_genre[rows][:, allowed].astype(np.int32)
        own = tables.own_genre[rows][:, allowed] > 0
        of_own = _highest_sums(np.where(own, single, _IMPOSSIBLE))
        of_foreign = _highest_sums(np.where(own, _IMPOSSIBLE, single))
        sizes = space.index.sets.sizes[space.sets]
        for size in _different(sizes):
            levels = _different(tables.set_level[space.sets[sizes == size]])
            level = tables.director_level[rows][:, levels].max(axis=1)
            for overlap in range(size + 1):
                ceiling = tables.best_of_overlap[overlap, size - 1, rows] + level
                ceiling += of_own[overlap]
                ceiling += of_foreign[size - overlap]
                np.maximum(ceilings, ceiling, out=ceilings)


def _blocks(directors: int) -> Iterator[slice]:
    """Yield directors in blocks: what is computed for a block at a time takes little memory."""
    for start in range(0, directors, _TOGETHER):
        yield slice(start, start + _TOGETHER)


def _falling(ceilings: Int32) -> NDArray[np.int64]:
    """Return positions by falling ceiling, then in order, without directors who have nothing."""
    order = np.argsort(-ceilings, kind="stable")
    return order[: np.count_nonzero(ceilings > NEVER // 2)]


def _highest_sums(table: Int32) -> Int32:
    """Return the sum of the k highest entries of each row for k = 0 to 3, shape [4, rows]."""
    rows = np.arange(len(table))
    sums = np.zeros((SIZES + 1, len(table)), np.int32)
    for count in range(SIZES):
        place = table.argmax(axis=1)
        sums[count + 1] = sums[count] + table[rows, place]
        table[rows, place] = _IMPOSSIBLE
    return sums


def _different(numbers: Ints) -> Ints:
    """Return the distinct values of small whole numbers, ascending."""
    return np.flatnonzero(np.bincount(numbers))


def _positions(indices: Ints, wanted: Ints) -> Ints:
    """Return the position of each of `wanted` among ascending `indices`, which contain them all."""
    if indices[-1] - indices[0] + 1 == len(indices):
        return wanted - indices[0] if indices[0] else wanted
    place = np.empty(int(indices[-1]) + 1, np.int64)
    place[indices] = np.arange(len(indices))
    return place[wanted]


def _rows(indices: Ints) -> slice | Ints:
    """Return ascending indices as a slice where they have no gaps: that copies nothing."""
    if len(indices) and indices[-1] - indices[0] + 1 == len(indices):
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices
