"""A search space: which combinations are searched, in indices of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.films import Combination
from edge.search.catalogue_index import CatalogueIndex
from edge.search.forbidden import Forbidden

Ints = NDArray[np.integer]
Int64 = NDArray[np.int64]

# A plausible film is made within this many years of its director's career.
CAREER_MARGIN_YEARS = 3


class Cells(NamedTuple):
    """N combinations by index, each of shape [N]."""

    directors: Int64
    years: Int64
    sets: Int64

    def take(self, chosen: NDArray[np.generic] | slice) -> Cells:
        """Return some of them."""
        return Cells(self.directors[chosen], self.years[chosen], self.sets[chosen])


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """Directors x years x genre sets, or the plausible ones among them, without some left out.

    A column of years may stand for several calendar years. What is plausible is judged by the first
    of them; what is forbidden must be so in each.

    Attributes:
        directors, years, sets: indices of catalogue and tables, ascending, without repeats.
        plausible: only within three years of a director's career, and of their own genres.
        left_out: keys (`SearchSpace.keys`) of combinations that are not in it, ascending.
        calendar: the calendar year of each of `years`; of several that the model can't
            distinguish, the first.
        going_on: directors whose career continues in future years, shape [all directors].
        forbidden: what rules leave out as well; None without rules.
    """

    index: CatalogueIndex
    directors: Int64
    years: Int64
    sets: Int64
    plausible: bool
    left_out: Int64
    calendar: Int64
    going_on: NDArray[np.bool_]
    forbidden: Forbidden | None = None

    @classmethod
    def of(
        cls,
        index: CatalogueIndex,
        directors: Ints,
        years: Ints,
        sets: Ints,
        *,
        plausible: bool = False,
        left_out: Iterable[Combination] = (),
        calendar: Int64 | None = None,
        going_on: NDArray[np.bool_] | None = None,
        forbidden: Forbidden | None = None,
    ) -> SearchSpace:
        """Return the space of these indices; combinations unknown to the catalogue are in none."""
        columns = _ascending(years)
        return cls(
            index,
            _ascending(directors),
            columns,
            _ascending(sets),
            plausible,
            _keys_of(index, left_out),
            columns + index.first_year if calendar is None else calendar,
            np.zeros(len(index.names), bool) if going_on is None else going_on,
            forbidden,
        )

    def combination(self, director: int, year: int, chosen: int) -> Combination:
        """Return the combination behind three indices, with the calendar year it was asked for."""
        asked = int(self.calendar[np.searchsorted(self.years, year)])
        if self.forbidden is not None:
            asked = int(self.forbidden.calendar_years(director, year, chosen))
        found = self.index.combination(director, year, chosen)
        return Combination(found.director, asked, found.genres)

    @cached_property
    def windows(self) -> tuple[Int64, Int64]:
        """Which of `years` each director may use: first and one past the last, shape [D] each."""
        if not self.plausible:
            none = np.zeros(len(self.directors), np.int64)
            return none, none + len(self.years)
        first = self.index.first[self.directors] - CAREER_MARGIN_YEARS
        last = self.index.last[self.directors] + CAREER_MARGIN_YEARS
        begin = np.searchsorted(self.calendar, first)
        end = np.searchsorted(self.calendar, last, side="right")
        end[self.going_on[self.directors]] = len(self.calendar)
        return begin, np.maximum(end, begin)

    @cached_property
    def own_places(self) -> Int64:
        """Which of the catalogue's own pairs are in a plausible space; ascending."""
        pairs = self.index.own_pairs
        begin, end = self.windows
        places = pairs.of(self.directors[end > begin])
        has_set = np.zeros(self.index.sets.count + 1, bool)
        has_set[self.sets] = True
        return places[has_set[pairs.sets[places]]]

    @cached_property
    def size(self) -> int:
        """How many combinations it holds."""
        if self.forbidden is not None:
            whole = self._count_allowed(self.forbidden)
        elif self.plausible:
            begin, end = self.windows
            length = np.zeros(len(self.index.names), np.int64)
            length[self.directors] = end - begin
            whole = int(length[self.index.own_pairs.directors[self.own_places]].sum())
        else:
            whole = len(self.directors) * len(self.years) * len(self.sets)
        return whole - int(self._holds(self.left_out).sum())

    def _count_allowed(self, forbidden: Forbidden) -> int:
        """Count what no ban forbids: directors, sets and years that bans treat alike at once."""
        begin, end = self.windows
        if self.plausible:
            pairs = self.index.own_pairs
            directors, sets = pairs.directors[self.own_places], pairs.sets[self.own_places]
            place = np.searchsorted(self.directors, directors)
            bans = forbidden.directors[directors] & forbidden.sets[sets]
            total = 0
            for some in np.unique(bans):
                free = np.concatenate([[0], np.cumsum(forbidden.free_years(some, self.years))])
                chosen = place[bans == some]
                total += int((free[end[chosen]] - free[begin[chosen]]).sum())
            return total
        kinds = [
            np.unique(bits, return_counts=True)
            for bits in (forbidden.directors[self.directors], forbidden.sets[self.sets])
        ]
        return sum(
            int(many) * int(often) * int(forbidden.free_years(bans & spoken, self.years).sum())
            for bans, many in zip(*kinds[0], strict=True)
            for spoken, often in zip(*kinds[1], strict=True)
        )

    @property
    def restricted(self) -> bool:
        """Whether some combinations of its directors, years and sets aren't in it, one by one."""
        return bool(len(self.left_out)) or self.forbidden is not None

    def keys(self, cells: Cells) -> Int64:
        """Return one number for each combination; they ascend as ties are broken."""
        sets = self.index.sets.count + 1
        return (cells.directors * self.index.years + cells.years) * sets + cells.sets

    def calendar_years(self, cells: Cells) -> Int64:
        """Return numbers that ascend with the calendar years of these combinations.

        Rules may leave two combinations of one column different years of those it stands for.
        """
        return cells.years if self.forbidden is None else self.forbidden.calendar_years(*cells)

    def admits(self, cells: Cells) -> NDArray[np.bool_]:
        """Return which of these are neither left out nor forbidden."""
        keys = self.keys(cells)
        admitted = np.ones(keys.shape, bool)
        if len(self.left_out):
            place = np.minimum(np.searchsorted(self.left_out, keys), len(self.left_out) - 1)
            admitted &= self.left_out[place] != keys
        if self.forbidden is not None:
            admitted &= self.forbidden.admits(*cells)
        return admitted

    def blocks(self, most: int = 65_536) -> Iterator[Cells]:
        """Yield every combination once, in blocks of about `most`."""
        begin, end = self.windows
        for directors, sets in self._pairs(most):
            place = np.searchsorted(self.directors, directors)
            length = (end - begin)[place]
            total = np.concatenate([[0], np.cumsum(length)])
            start = 0
            while start < len(length):
                fitting = np.searchsorted(total, total[start] + most, side="right") - 1
                part = slice(start, max(int(fitting), start + 1))
                start = part.stop
                count = length[part]
                step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
                cells = Cells(
                    np.repeat(directors[part], count),
                    self.years[np.repeat(begin[place[part]], count) + step],
                    np.repeat(sets[part], count),
                )
                if self.restricted:
                    cells = cells.take(self.admits(cells))
                if len(cells.years):
                    yield cells

    def _pairs(self, most: int) -> Iterator[tuple[Int64, Int64]]:
        """Yield the directors with their sets, not all at once where they are too many."""
        if self.plausible:
            pairs = self.index.own_pairs
            yield (
                pairs.directors[self.own_places].astype(np.int64),
                pairs.sets[self.own_places].astype(np.int64),
            )
            return
        together = max(most // max(len(self.sets), 1), 1)
        for start in range(0, len(self.directors), together):
            directors = self.directors[start : start + together]
            yield np.repeat(directors, len(self.sets)), np.tile(self.sets, len(directors))

    def _holds(self, keys: Int64) -> NDArray[np.bool_]:
        """Return which keys are in this space, ignoring what is left out."""
        if not len(keys):
            return np.zeros(0, bool)
        rest, sets = np.divmod(keys, self.index.sets.count + 1)
        directors, years = np.divmod(rest, self.index.years)
        inside = np.isin(directors, self.directors) & np.isin(years, self.years)
        inside &= np.isin(sets, self.sets)
        if self.forbidden is not None:
            # Keys may lead to years that aren't in the space, of which nothing is known.
            inside[inside] = self.forbidden.admits(directors[inside], years[inside], sets[inside])
        if self.plausible:
            begin, end = self.windows
            place = np.minimum(
                np.searchsorted(self.directors, directors), max(len(self.directors) - 1, 0)
            )
            position = np.searchsorted(self.years, years)
            if len(self.directors):
                inside &= (position >= begin[place]) & (position < end[place])
            pairs = self.index.own_pairs
            some = pairs.of(np.unique(directors))
            # Ascending, as the pairs are; np.isin would hash them all.
            own = pairs.directors[some].astype(np.int64) * (self.index.sets.count + 1)
            own += pairs.sets[some]
            wanted = directors * (self.index.sets.count + 1) + sets
            place = np.minimum(np.searchsorted(own, wanted), max(len(own) - 1, 0))
            inside &= own[place] == wanted if len(own) else False
        return inside


def _ascending(indices: Ints) -> Int64:
    found = np.asarray(indices, np.int64)
    return found if (found[1:] > found[:-1]).all() else np.unique(found)


def _keys_of(index: CatalogueIndex, combinations: Iterable[Combination]) -> Int64:
    known = []
    for chosen in combinations:
        director = index.index_of_director.get(chosen.director)
        year = index.column(chosen.year)
        if director is None:
            continue
        if set(chosen.genres) <= set(index.sets.genres):
            known.append(
                (director * index.years + year) * (index.sets.count + 1)
                + index.sets.index_of(chosen.genres)
            )
    return np.array(sorted(set(known)), np.int64)
