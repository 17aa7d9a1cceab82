"""The integer tables a model is compiled to, and the scoring they define.

    score(d, y, s) = A[d, y] + B[offset[d] + 3 rank + |s| - 1] + C[y, s] + E[d, level[s]]
                     + sum over g in s of F[d, g] + constant
    expected       = score / 4096
    error size     = (error of director[d] + error of year and genres[y, s]) / 4096

where rank numbers those genres of s that are the director's own (data.genre_sets).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.genre_sets import GenreSets, overlap_ranks
from training.errors import TableOverflow
from training.model.careers import Floats, Ints
from training.model.grid import GRID

_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True)
class CompiledTables:
    """A compiled model for D directors, Y years, G genres and S genre sets.

    Attributes:
        names: directors in code-point order; row D of the tables is for anyone else.
        genre_sets: the genres and their sets; set S is the empty one.
        first_year: the year of column 0.
        director_year: A, int16 [D + 1, Y].
        director_genres: B, int16 [entries].
        year_genres: C, int16 [Y, S + 1].
        director_genre: F, int16 [D + 1, G + 1]; the last column, for an empty slot, is 0.
        director_level: E, int16 [D + 1, levels].
        own_genre: uint8 [D + 1, G + 1]: 1, 2, ... for a director's own genres, 0 for others.
        offset: int64 [D + 1]: where a director's entries in B begin.
        set_level: int64 [S + 1].
        constant: added to every score.
        head_inputs: the head's inputs for each director, float64 [D + 1, 2].
        director_error: int16 [D + 1].
        year_genres_error: int16 [Y, S + 1].
    """

    names: list[str]
    genre_sets: GenreSets
    first_year: int
    director_year: NDArray[np.int16]
    director_genres: NDArray[np.int16]
    year_genres: NDArray[np.int16]
    director_genre: NDArray[np.int16]
    director_level: NDArray[np.int16]
    own_genre: NDArray[np.uint8]
    offset: Ints
    set_level: Ints
    constant: int
    head_inputs: Floats
    director_error: NDArray[np.int16]
    year_genres_error: NDArray[np.int16]

    @property
    def years(self) -> int:
        """How many years the tables cover."""
        return int(self.director_year.shape[1])

    def scores(self, directors: Ints, years: Ints, sets: Ints) -> Ints:
        """Return the scores of n combinations given by their numbers, [n]."""
        members = self.genre_sets.members[sets]
        own = np.sort(self.own_genre[directors[:, None], members].astype(np.int64), axis=1)
        base3, base2 = overlap_ranks(len(self.genre_sets.genres))
        rank = base3[own[:, 2]] + base2[own[:, 1]] + own[:, 0]
        entry = self.offset[directors] + 3 * rank + self.genre_sets.sizes[sets] - 1
        parts = [
            self.director_year[directors, years],
            self.director_genres[entry],
            self.year_genres[years, sets],
            self.director_level[directors, self.set_level[sets]],
            self.director_genre[directors[:, None], members].astype(np.int64).sum(axis=1),
        ]
        total: Ints = np.sum([part.astype(np.int64) for part in parts], axis=0) + self.constant
        return total


def to_grid(name: str, values: Floats) -> NDArray[np.int16]:
    """Convert values in stars to whole parts of a star.

    Raises:
        TableOverflow: naming the table that has a value beyond 16 bits.
    """
    rounded = np.round(values * GRID)
    if not np.all((rounded >= _INT16.min) & (rounded <= _INT16.max)):
        worst = float(values.flat[np.abs(values).argmax()])
        raise TableOverflow(
            f"table {name} holds {worst:.3f} stars; 16 bits hold {_INT16.max / GRID:.3f}. "
            "Shrink the model (more shrinkage, fewer trees), or move its mean into the constant"
        )
    return rounded.astype(np.int16)
