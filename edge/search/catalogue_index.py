"""The catalogue in numbers: names by index, careers, and each director's own genre sets."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.domain import FILMS, Domain
from data.films import KINDS, MAX_GENRES, NO_GENRE, Combination
from data.genre_sets import GenreSets

Ints = NDArray[np.integer]

# Computed for this many directors at a time: all at once would take much memory.
_TOGETHER = 8192

# Directors with more films than this are drawn for a slate of 36.
REGULAR_FILMS = 3


class Pairs(NamedTuple):
    """Directors and genre sets that go together, both as indices of shape [P], in that order."""

    directors: NDArray[np.int32]
    sets: NDArray[np.int32]

    def of(self, directors: Ints) -> NDArray[np.int64]:
        """Return the places of these directors' pairs; both ascend."""
        # Of the same type, or all the pairs would be converted.
        wanted = directors.astype(self.directors.dtype)
        begin = np.searchsorted(self.directors, wanted)
        length = np.searchsorted(self.directors, wanted, side="right") - begin
        places = np.repeat(begin - np.cumsum(length) + length, length)
        places += np.arange(len(places))
        return places


class CatalogueIndex:
    """The catalogue in numbers.

    Attributes:
        sets: the genre sets, numbered as in the model's tables.
        names: directors in code-point order, shape [D].
        first, last: each director's first and last year, shape [D].
        films: how many films each has made, shape [D].
        first_year: the year of the tables' first column.
        years: how many years the tables cover.
        domain: in whose words refusals are given.
    """

    def __init__(self, catalogue: Catalogue, domain: Domain = FILMS) -> None:
        self.catalogue = catalogue
        self.domain = domain
        self.sets = GenreSets(catalogue.genres)
        entries = catalogue.directors
        self.names = np.array([entry.name for entry in entries], object)
        careers = np.array([(e.first_year, e.last_year, e.films) for e in entries], np.int32)
        self.first, self.last, self.films = careers.T
        self.first_year = catalogue.years.first
        self.years = catalogue.years.last - catalogue.years.first + 1

    def column(self, year: int) -> int:
        """Return the tables' column for a calendar year: the nearest, where it has none."""
        return min(max(year - self.first_year, 0), self.years - 1)

    def active_lately(self, within: int) -> NDArray[np.bool_]:
        """Return which directors were active within some years of the newest film, shape [D].

        At least a tenth of those with long careers are among them, whatever the newest film's
        year: one rating of a film of today must not leave a table of older films without
        directors.
        """
        newest = self.catalogue.training_years.last
        regular = self.last[self.films > REGULAR_FILMS]
        lately = newest - within
        if len(regular):
            lately = min(lately, int(np.quantile(regular, 0.9, method="lower")))
        active: NDArray[np.bool_] = self.last >= lately
        return active

    @cached_property
    def index_of_director(self) -> dict[str, int]:
        """The index of each director by name."""
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def makes(self) -> NDArray[np.bool_]:
        """Whether director d has made something of kind k, shape [D, kinds]."""
        return np.array([[kind in e.kinds for kind in KINDS] for e in self.catalogue.directors])

    @cached_property
    def own_pairs(self) -> Pairs:
        """Every director with every set of only their own genres."""
        by_count: dict[int, list[int]] = {}
        for index, entry in enumerate(self.catalogue.directors):
            by_count.setdefault(len(entry.genres), []).append(index)
        parts = [
            self._own_pairs(np.array(group[start : start + _TOGETHER], np.int32), count)
            for count, group in by_count.items()
            for start in range(0, len(group), _TOGETHER)
            if count
        ]
        keys = np.concatenate([np.zeros(0, np.int64), *parts])
        parts.clear()
        keys.sort()
        directors = (keys // self.sets.count).astype(np.int32)
        keys %= self.sets.count
        return Pairs(directors, keys.astype(np.int32))

    def _own_pairs(self, directors: Ints, count: int) -> NDArray[np.int64]:
        """Return director * sets + set for these directors, each with `count` own genres."""
        entries = self.catalogue.directors
        own = np.full((len(directors), count + 1), len(self.sets.genres), np.int64)
        own[:, :count] = [entries[index].genres for index in directors]
        chosen = [
            (*positions, *[count] * (MAX_GENRES - size))
            for size in range(1, MAX_GENRES + 1)
            for positions in itertools.combinations(range(count), size)
        ]
        members = own[:, np.array(chosen)]
        numbers = self._number[members[..., 0], members[..., 1], members[..., 2]]
        return (directors[:, None].astype(np.int64) * self.sets.count + numbers).ravel()

    @cached_property
    def _number(self) -> Ints:
        """The number of the set with three ascending members, padded at the end."""
        side = len(self.sets.genres) + 1
        numbers = np.full((side, side, side), self.sets.empty, np.int32)
        a, b, c = self.sets.members[:-1].T
        numbers[a, b, c] = np.arange(self.sets.count)
        return numbers

    @cached_property
    def _slots(self) -> NDArray[np.object_]:
        """The three genre names of each set, shape [sets + 1, 3]."""
        names = np.array([*self.sets.genres, NO_GENRE], object)
        slots: NDArray[np.object_] = names[self.sets.members]
        return slots

    def columns(
        self, directors: Ints, years: Ints, sets: Ints
    ) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.object_]]:
        """Return raw rows, as the model takes them, for indices of shape [N] each."""
        return (
            self.names[directors],
            years.astype(np.int64) + self.first_year,
            self._slots[sets],
        )

    def combination(self, director: int, year: int, chosen: int) -> Combination:
        """Return the combination behind three indices."""
        return Combination(
            str(self.names[director]), int(year) + self.first_year, self.sets.names(int(chosen))
        )
