"""The feature columns, and which of them may occur together in a tree path.

A path that only uses one group's columns is a function of that group's pair of choices, so it can
be written into that pair's table. What a column is derived from decides its groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

# Of the director alone.
DIRECTOR = (
    "films", "residual", "mean", "spread", "lowest", "highest", "median", "share_of_eights",
    "mean_year", "first_year", "last_year", "genres_a_film", "genres_ever", "popularity",
    "best_popularity",
)  # fmt: skip
# Of director and year.
TIME = (
    "near_residual", "near_weight", "wide_residual", "gap", "since_first", "since_last",
    "last_three", "form", "near_popularity",
)  # fmt: skip
# Of director, the set's genres that are the director's own, and the set's size.
GENRE = (
    "alike_residual", "alike_weight", "most_alike", "mean_alike", "style", "jaccard_residual",
    "most_jaccard", "affinity", "own_share",
)  # fmt: skip


class Columns:
    """The columns for a model of these genres: each one's position, and the groups.

    Attributes:
        width: how many columns.
        groups: for each table part the columns a path of it may use. `A` is (director, year), `B`
            (director, own genres in the set, size), `C` (year, set), `E` (director, the set's base
            level) and `F0`, `F1`, ... (director, one genre).
    """

    def __init__(self, genres: int) -> None:
        names = [*DIRECTOR, "year", *TIME, "size", *GENRE, "base", "level"]
        self.genres = genres
        self.width = len(names) + genres
        at = {name: i for i, name in enumerate(names)}
        self.director = slice(0, len(DIRECTOR))
        self.year = at["year"]
        self.time = slice(at[TIME[0]], at[TIME[-1]] + 1)
        self.size = at["size"]
        self.genre = slice(at[GENRE[0]], at[GENRE[-1]] + 1)
        self.base = at["base"]
        self.level = at["level"]
        self.flags = slice(len(names), self.width)
        self.spread = at["spread"]
        self.films = at["films"]
        self.form = at["form"]
        self.style = at["style"]

    @cached_property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """The columns of each group."""
        director = range(*self.director.indices(self.width))
        flags = range(*self.flags.indices(self.width))
        groups: dict[str, Sequence[int]] = {
            "A": [*director, self.year, *range(*self.time.indices(self.width))],
            "B": [*director, self.size, *range(*self.genre.indices(self.width))],
            "C": [self.year, self.size, self.base, *flags],
            "E": [*director, self.level],
        }
        groups |= {f"F{g}": [*director, flag] for g, flag in enumerate(flags)}
        return {name: tuple(columns) for name, columns in groups.items()}

    def empty(self, *shape: int) -> NDArray[np.float64]:
        """Return rows of zeros."""
        return np.zeros((*shape, self.width))
