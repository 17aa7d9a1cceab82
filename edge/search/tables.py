"""The integer tables that a model is made of, read from the graph's own outputs.

A combination's score is a sum of whole numbers; expected stars are that score times 2^-12:

    score = director_year[d, y] + director_genres[d, own genres in s, size of s] + year_genres[y, s]
          + director_level[d, level of s] + sum of director_genre[d, g] over s + constant

The parts without a year are called the genre part here: they are computed once for a director and
a set, and serve every year.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.genre_sets import overlap_count, overlap_ranks
from edge.search.catalogue_index import CatalogueIndex

Ints = NDArray[np.integer]
Int32 = NDArray[np.int32]

OUTPUTS = (
    "table_director_year",
    "table_director_genres",
    "table_year_genres",
    "table_director_genre",
    "table_director_level",
    "table_own_genre",
    "table_offset",
    "table_set_level",
    "table_constant",
)
SIZES = 3
# How many directors are looked at together.
_TOGETHER = 8192
# How many scores make a star.
SCORES_A_STAR = 2**12


class Tables:
    """The tables of a model with D directors, Y years, S sets of G genres and V levels.

    Attributes:
        director_year: int16 [D + 1, Y]; the last row is for an unknown director.
        director_genres: int16, flat; each director's entries begin at `offset`.
        year_genres: int16 [Y, S + 1]; the last column is the empty set.
        director_genre: int16 [D + 1, G + 1]; the last column is for no genre.
        director_level: int16 [D + 1, V].
        own_genre: uint8 [D + 1, G + 1], a genre's number among the director's own, 0 if foreign.
        set_level: int64 [S + 1].
        constant: added to every score.

    Raises:
        ValueError: a shape doesn't fit the catalogue, or an index points outside its table.
    """

    def __init__(self, outputs: Mapping[str, NDArray[np.generic]], index: CatalogueIndex) -> None:
        self.index = index
        sets = index.sets
        rows, genres = len(index.names) + 1, len(sets.genres) + 1
        self.director_year = _shaped(outputs, "table_director_year", (rows, index.years))
        self.director_genres = _shaped(outputs, "table_director_genres", (-1,))
        self.year_genres = _shaped(outputs, "table_year_genres", (index.years, sets.count + 1))
        self.director_genre = _shaped(outputs, "table_director_genre", (rows, genres))
        self.director_level = _shaped(outputs, "table_director_level", (rows, -1))
        self.own_genre = _shaped(outputs, "table_own_genre", (rows, genres))
        self.offset = _shaped(outputs, "table_offset", (rows,))
        self.set_level = _shaped(outputs, "table_set_level", (sets.count + 1,))
        self.constant = int(_shaped(outputs, "table_constant", (1,))[0])
        self._rank = _symmetric_ranks(int(self.own_genre.max()))
        self._check()

    def _check(self) -> None:
        own = self.own_genre.max(axis=1)
        stretch = SIZES * np.array([overlap_count(int(n)) for n in range(int(own.max()) + 1)])[own]
        ends = np.cumsum(stretch)
        if not np.array_equal(self.offset, ends - stretch) or ends[-1] != self.director_genres.size:
            raise ValueError("table_offset doesn't divide table_director_genres as owned genres do")
        if not 0 <= self.set_level.min() <= self.set_level.max() < self.director_level.shape[1]:
            raise ValueError("table_set_level leads out of table_director_level")
        if self.own_genre[:, -1].any() or self.director_genre[:, -1].any():
            raise ValueError("the column of no genre is not zero")

    def genre_part(self, directors: Ints, sets: Ints) -> Int32:
        """Return the genre part of pairs, for indices of one shape [P]."""
        members = self.index.sets.members[sets]
        own = self.own_genre[directors[:, None], members].astype(np.intp)
        rank = self._rank[own[:, 0], own[:, 1], own[:, 2]]
        place = self.offset[directors] + rank + (self.index.sets.sizes[sets] - 1)
        part: Int32 = self.director_genres[place].astype(np.int32)
        part += self.director_genre[directors[:, None], members].sum(axis=1, dtype=np.int32)
        part += self.director_level[directors, self.set_level[sets]]
        return part

    @cached_property
    def own_parts(self) -> Int32:
        """The genre part of each of the index's own pairs, computed once."""
        pairs = self.index.own_pairs
        parts = np.empty(len(pairs.sets), np.int32)
        for start in range(0, len(parts), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            parts[some] = self.genre_part(pairs.directors[some], pairs.sets[some])
        return parts

    @cached_property
    def best_of_overlap(self) -> Int32:
        """The highest of each director's entries by own genres in the set and the set's size.

        Shape [4, 3, D + 1]: for 0 to 3 own genres in a set of 1 to 3. Impossible pairs are far
        below.
        """
        ends = np.append(self.offset[1:], len(self.director_genres)) // SIZES
        best = np.empty((SIZES + 1, SIZES, len(ends)), np.int32)
        for first in range(0, len(ends), _TOGETHER):
            some = slice(first, first + _TOGETHER)
            begin = self.offset[first] // SIZES
            starts = self.offset[some] // SIZES - begin
            part = self.director_genres[SIZES * begin : SIZES * ends[some][-1]]
            stretches = np.ascontiguousarray(part.reshape(-1, SIZES).T)
            rank = np.arange(stretches.shape[1])
            rank -= np.repeat(starts, np.diff(starts, append=len(rank)))
            overlap = self._overlap_of_rank[rank]
            for count in range(SIZES + 1):
                entries = np.where(overlap == count, stretches, np.iinfo(np.int16).min)
                best[count][:, some] = np.maximum.reduceat(entries, starts, axis=1)
        return best

    @cached_property
    def _overlap_of_rank(self) -> NDArray[np.int8]:
        """How many own genres the triple of each rank has."""
        low, middle, high = np.sort(np.indices(self._rank.shape).reshape(3, -1), axis=0)
        # 0 stands for foreign genres and none, and may repeat; own genres do not.
        real = ((low == 0) | (low < middle)) & ((middle == 0) | (middle < high))
        held = np.stack([low > 0, middle > 0, high > 0])[:, real].sum(axis=0)
        overlap = np.zeros(int(self._rank.max()) // SIZES + 1, np.int8)
        overlap[self._rank.ravel()[real] // SIZES] = held
        return overlap

    def genre_block(self, directors: Ints, sets: Ints) -> Int32:
        """Return the genre part of every one of M directors with every one of Q sets, [Q, M].

        Sets run along the first axis, so that a row of M neighbours is fetched at once.
        """
        members = self.index.sets.members[sets].T
        width = self._rank.shape[0]
        own = self.own_genre[directors].T.astype(np.int32)
        place = (own * width**2).take(members[0], axis=0)
        place += (own * width).take(members[1], axis=0)
        place += own.take(members[2], axis=0)
        place = self._rank.ravel().take(place)
        place += self.offset[directors].astype(np.int32)
        place += (self.index.sets.sizes[sets] - 1).astype(np.int32)[:, None]
        part: Int32 = self.director_genres.take(place).astype(np.int32)
        single = self.director_genre[directors].T.astype(np.int32)
        for genre in members:
            part += single.take(genre, axis=0)
        part += self.director_level[directors].T.take(self.set_level[sets], axis=0)
        return part

    def score(self, directors: Ints, years: Ints, sets: Ints) -> Int32:
        """Return the score of each combination, for indices of one shape [N]."""
        part = self.genre_part(directors, sets)
        part += self.director_year[directors, years]
        part += self.year_genres[years, sets]
        part += np.int32(self.constant)
        return part


def _shaped(
    outputs: Mapping[str, NDArray[np.generic]], name: str, shape: tuple[int, ...]
) -> NDArray[np.integer]:
    found = outputs[name]
    if not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"{name}: does not hold whole numbers")
    known = int(np.prod([n for n in shape if n > 0]))
    fits = found.size % known == 0 if -1 in shape else found.size == known
    if not fits or not found.size:
        raise ValueError(f"{name}: has another shape than {shape}")
    # numpy's type stubs don't narrow after issubdtype.
    return found.reshape(shape)  # type: ignore[return-value]


def _symmetric_ranks(most: int) -> Int32:
    """Return a triple's position among a director's entries, for any order of the three.

    Shape [most + 1] * 3: looking it up is quicker than sorting each triple.
    """
    base3, base2 = overlap_ranks(most)
    triples = np.sort(np.indices((most + 1,) * 3).reshape(3, -1), axis=0)
    ranks = base3[triples[2]] + base2[triples[1]] + triples[0]
    cube: Int32 = (SIZES * ranks).astype(np.int32).reshape((most + 1,) * 3)
    return cube
