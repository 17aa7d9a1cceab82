"""How large a film table's model will be, before anything is learnt from it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from data import limits
from data.films import MAX_GENRES, Film
from data.genre_sets import overlap_count

# Four levels, an offset, two inputs of the head, and the name's own overhead.
_BYTES_A_DIRECTOR = 36
# Members, level and size of each set, and the cube that numbers three slots.
_BYTES_A_SET, _BYTES_A_SLOT = 40, 4
_GRAPH_BYTES = 12_000


class ModelSize(NamedTuple):
    """What a model is made of.

    Attributes:
        set_bytes: of the tables of years by genre sets, within `total_bytes`.
    """

    directors: int
    years: int
    genres: int
    genre_sets: int
    set_bytes: int
    total_bytes: int

    @property
    def fits(self) -> bool:
        """Whether a device takes it."""
        return self.total_bytes <= limits.MAX_MODEL_BYTES


def sets_of(genres: int) -> int:
    """Return how many sets of one to three genres there are."""
    return sum(math.comb(genres, size) for size in range(1, MAX_GENRES + 1))


def size_of(films: Sequence[Film]) -> ModelSize:
    """Return how large the model of these films will be."""
    own: dict[str, set[str]] = defaultdict(set)
    for film in films:
        own[film.director].update(film.genres)
    genres = len({genre for film in films for genre in film.genres})
    made = [film.year for film in films]
    years = max(made) - min(made) + 1 + limits.YEARS_PAST_TRAINING
    return predict(len(own), years, genres, [len(names) for names in own.values()],
                   sum(len(name.encode()) for name in own))  # fmt: skip


def predict(
    directors: int, years: int, genres: int, own_genres: Sequence[int], name_bytes: int
) -> ModelSize:
    """Return the size of a model from what it is made of.

    Args:
        directors: how many.
        years: of the tables, those past the training films included.
        genres: how many.
        own_genres: how many each director has.
        name_bytes: of all directors' names.
    """
    sets = sets_of(genres)
    set_bytes = _set_bytes(years, genres)
    total = (
        2 * (directors + 1) * years
        + 2 * 3 * sum(map(overlap_count, own_genres))
        + 3 * (directors + 1) * (genres + 1)
        + _BYTES_A_DIRECTOR * directors
        + name_bytes
        + set_bytes
        + _GRAPH_BYTES
    )
    return ModelSize(directors, years, genres, sets, set_bytes, total)


def most_genres(size: ModelSize) -> int:
    """Return how many genres would fit, all else being equal; 0 if even one would not."""
    left = limits.MAX_MODEL_BYTES - (size.total_bytes - size.set_bytes)
    fitting = 0
    while _set_bytes(size.years, fitting + 1) <= left:
        fitting += 1
    return fitting


def _set_bytes(years: int, genres: int) -> int:
    each = 2 * years + _BYTES_A_SET
    return each * (sets_of(genres) + 1) + _BYTES_A_SLOT * (genres + 1) ** 3
