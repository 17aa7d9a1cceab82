"""Raw records as the model takes them: director, year and three genre slots.

The estimator's `X` is a table with the columns of `COLUMNS` and, for learning only, `VOTES`:
a pandas frame by these names, or an array in this order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.films import Combination, Film, genre_slots
from data.genre_sets import GenreSets

COLUMNS = ("director", "year", "genre1", "genre2", "genre3")
VOTES = "votes"


class Records(NamedTuple):
    """Columns of n raw records.

    Attributes:
        directors: names, object [n].
        years: int64 [n].
        slots: genre names, object [n, 3]; "None" is an empty slot.
        votes: how many people rated the film, float [n]; NaN if unknown.
    """

    directors: NDArray[np.object_]
    years: NDArray[np.int64]
    slots: NDArray[np.object_]
    votes: NDArray[np.float64]

    def sets(self, genre_sets: GenreSets) -> NDArray[np.int64]:
        """Return each row's genre set number; unknown genres are ignored."""
        triples = [tuple(row) for row in self.slots]
        number = {triple: genre_sets.index_of(triple) for triple in dict.fromkeys(triples)}
        return np.array([number[triple] for triple in triples], np.int64)


def as_records(table: Any) -> Records:
    """Return the columns of a frame, an array or a list of rows.

    Raises:
        ValueError: naming the column that is missing or can't be read.
    """
    if isinstance(table, pd.DataFrame):
        missing = [name for name in COLUMNS if name not in table.columns]
        if missing:
            raise ValueError(f"the films lack the column {missing[0]!r}; give {', '.join(COLUMNS)}")
        columns = [table[name].to_numpy(dtype=object) for name in COLUMNS]
        votes = table[VOTES].to_numpy(dtype=float, na_value=np.nan) if VOTES in table else None
    else:
        rows = np.asarray(table, dtype=object)
        if rows.ndim != 2 or rows.shape[1] not in (len(COLUMNS), len(COLUMNS) + 1):
            raise ValueError(
                f"the films have the shape {rows.shape}; give rows of {', '.join(COLUMNS)}"
            )
        columns = [rows[:, i] for i in range(len(COLUMNS))]
        votes = rows[:, len(COLUMNS)].astype(float) if rows.shape[1] > len(COLUMNS) else None
    directors, years, *slots = columns
    try:
        whole_years = years.astype(np.int64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "the films' column 'year' holds a value that isn't a whole number"
        ) from error
    if votes is None:
        votes = np.full(len(directors), np.nan)
    return Records(directors, whole_years, np.stack(slots, axis=1), votes)


def frame_of_films(films: Iterable[Film]) -> pd.DataFrame:
    """Return films as the estimator's `X` (with votes), in their order."""
    return pd.DataFrame(
        [
            (f.director, f.year, *genre_slots(f.genres), np.nan if f.votes is None else f.votes)
            for f in films
        ],
        columns=[*COLUMNS, VOTES],
    )


def frame_of_combinations(combinations: Iterable[Combination]) -> pd.DataFrame:
    """Return combinations as the estimator's `X`, in their order."""
    return pd.DataFrame(
        [(c.director, c.year, *genre_slots(c.genres)) for c in combinations], columns=[*COLUMNS]
    )


def ratings_of(films: Sequence[Film]) -> NDArray[np.float64]:
    """Return the estimator's `y`: the rating with decimals where known, else the stars."""
    return np.array([f.stars if f.rating is None else f.rating for f in films], float)


def stars_of_ratings(ratings: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole stars: rounded half to even, within 1 to 10 (as data.films.stars_of)."""
    return np.clip(np.rint(ratings), 1, 10).astype(np.int64)
