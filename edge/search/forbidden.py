"""What a slate's rules forbid, by index: a bit for each ban, looked up for each choice.

A ban is a product: some directors x some years x some genre sets. Bit b of a director, a year and a
set says whether ban b includes it; a combination is forbidden if any bit is set in all three.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.search.catalogue_index import CatalogueIndex
from edge.search.rules import Ban

Ints = NDArray[np.integer]
Int64 = NDArray[np.int64]

# An int64 has this many bits to spare; a rule makes one ban, or one for each "and" after its
# "then".
MOST_BANS = 62


class Forbidden:
    """The bans of a slate for one model.

    A column of the tables may represent several calendar years, equal to the model but not to the
    bans. A combination is forbidden if it is forbidden in each of them.

    Args:
        bans: at most MOST_BANS of them.
        calendar: the calendar years that each column of the tables stands for, ascending.
    """

    def __init__(
        self, index: CatalogueIndex, bans: Sequence[Ban], calendar: Mapping[int, Sequence[int]]
    ) -> None:
        self.directors = np.zeros(len(index.names), np.int64)
        self.sets = np.zeros(index.sets.count + 1, np.int64)
        for number, ban in enumerate(bans):
            self._add(index, ban, np.int64(1 << number))
        # Of a column's years that the bans treat alike, the first stands for all.
        different = {column: _different(bans, years) for column, years in calendar.items()}
        widest = max(map(len, different.values()), default=1)
        self._years = np.zeros((index.years, widest), np.int64)
        self._calendar = np.zeros((index.years, widest), np.int64)
        for column, found in different.items():
            padded = [*found, *[found[0]] * (widest - len(found))]
            self._years[column], self._calendar[column] = zip(*padded, strict=True)

    def _add(self, index: CatalogueIndex, ban: Ban, bit: np.int64) -> None:
        directors = np.ones(len(self.directors), bool)
        sets = np.ones(len(self.sets), bool)
        for clause in ban.clauses:
            if clause.about == "director":
                known = index.index_of_director
                named = np.zeros(len(directors), bool)
                named[[known[name] for name in clause.values if name in known]] = True
                directors &= named == clause.holds
            elif clause.about == "genres":
                held = [name in clause.values for name in index.sets.genres]
                count = index.sets.flags[:, held].sum(axis=1)
                sets &= (count > clause.most) == clause.holds
        self.directors[directors] |= bit
        self.sets[sets] |= bit

    def admits(self, directors: Ints, years: Ints, sets: Ints) -> NDArray[np.bool_]:
        """Return which combinations no ban forbids; the indices broadcast."""
        both = self.directors[directors] & self.sets[sets]
        admitted: NDArray[np.bool_] = (both & self._years[years, 0]) == 0
        for other in range(1, self._years.shape[1]):
            admitted |= (both & self._years[years, other]) == 0
        return admitted

    def calendar_years(self, directors: Ints | int, columns: Ints | int, sets: Ints | int) -> Int64:
        """Return the first calendar years of columns in which no ban forbids the combinations."""
        bans = (self.directors[directors] & self.sets[sets])[..., None]
        free = (self._years[columns] & bans) == 0
        years: Int64 = self._calendar[columns, free.argmax(axis=-1)]
        return years

    def free_years(self, bans: np.int64, columns: Ints) -> NDArray[np.bool_]:
        """Return the columns in which none of these bans (as bits) forbids anything."""
        free: NDArray[np.bool_] = ((self._years[columns] & bans) == 0).any(axis=1)
        return free


def _different(bans: Sequence[Ban], years: Sequence[int]) -> list[tuple[int, int]]:
    """Return the bans that limit years, with the first such year, ascending by year."""
    first_of: dict[int, int] = {}
    for year in years:
        first_of.setdefault(_bits(bans, year), year)
    return list(first_of.items())


def _bits(bans: Sequence[Ban], year: int) -> int:
    """Return the bans that include a calendar year."""
    return sum(
        1 << number
        for number, ban in enumerate(bans)
        if all(clause.of_year(year) for clause in ban.clauses if clause.about == "year")
    )
