"""All sets of one to three genres, numbered as the model's tables number them.

Sets are tuples of genre indices in lexicographic order. With genres in code-point order this is
the code-point order of the sorted name tuples: the order in which ties are broken. The set after
the last is the empty one (a row whose genres are all unknown).

A director's table over genre sets needs only those of the director's *own* genres that a set
holds. With own genres numbered from 1 and foreign ones as 0, the sorted triple a >= b >= c is
ranked in the combinatorial number system: `base3[a] + base2[b] + c` counts the triples before it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from data.films import MAX_GENRES, Genres


class GenreSets:
    """The sets of one to three out of `genres`.

    Args:
        genres: genre names in code-point order, without repeats.

    Attributes:
        sets: index tuples in lexicographic order; `count` of them.
        empty: the number of the empty set, which equals `count`.
    """

    def __init__(self, genres: Sequence[str]) -> None:
        if list(genres) != sorted(set(genres)):
            raise ValueError("give each genre once, in code-point order")
        self.genres: Genres = tuple(genres)
        indices = range(len(self.genres))
        self.sets: list[tuple[int, ...]] = sorted(
            chosen
            for size in range(1, MAX_GENRES + 1)
            for chosen in itertools.combinations(indices, size)
        )
        self.count = len(self.sets)
        self.empty = self.count

    @cached_property
    def _number(self) -> dict[tuple[int, ...], int]:
        return {chosen: number for number, chosen in enumerate(self.sets)} | {(): self.empty}

    @cached_property
    def _genre_index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.genres)}

    @cached_property
    def members(self) -> NDArray[np.int64]:
        """Genre indices of each set, shape [count + 1, 3], padded with `len(genres)`."""
        padded = np.full((self.count + 1, MAX_GENRES), len(self.genres), np.int64)
        for number, chosen in enumerate(self.sets):
            padded[number, : len(chosen)] = chosen
        return padded

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Number of genres in each set, shape [count + 1]; the empty set counts as one."""
        return np.array([len(chosen) for chosen in self.sets] + [1], np.int64)

    @cached_property
    def flags(self) -> NDArray[np.bool_]:
        """Whether set s holds genre g, shape [count + 1, genres]."""
        held = np.zeros((self.count + 1, len(self.genres)), bool)
        for number, chosen in enumerate(self.sets):
            held[number, list(chosen)] = True
        return held

    def index_of(self, genres: Iterable[str]) -> int:
        """Return the number of the set that holds the known ones among `genres`."""
        known = {self._genre_index[g] for g in genres if g in self._genre_index}
        return self._number[tuple(sorted(known))]

    def number_of(self, indices: Iterable[int]) -> int:
        """Return the number of the set of these genre indices."""
        return self._number[tuple(sorted(set(indices)))]

    def names(self, number: int) -> Genres:
        """Return the genre names of set `number`; none for the empty set."""
        return tuple(self.genres[i] for i in self.sets[number]) if number < self.count else ()


def overlap_ranks(most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `base3` and `base2`, each of shape [most + 1], for own-genre numbers up to `most`.

    `base3[a]` counts the triples whose largest member is below a, `base2[b]` the pairs below b.
    Both leave room for 0 to repeat (foreign or missing), while own genres do not repeat.
    """
    # Below a = 0 there is nothing; below any other, what the a - 1 smaller own genres can make.
    base3 = [0, *(overlap_count(own) for own in range(most))]
    # base2 counts pairs (b, c) with 0 <= c < b, or both 0: b = 1 has one pair before it.
    base2 = [0, *(1 + math.comb(own, 1) + math.comb(own, 2) for own in range(most))]
    return np.array(base3, np.int64), np.array(base2, np.int64)


def overlap_count(own: int) -> int:
    """Return how many different overlaps (0 to 3 of `own` genres) there are."""
    return sum(math.comb(own, held) for held in range(MAX_GENRES + 1))
