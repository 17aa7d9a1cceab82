"""Why a film is expected to do well: what its director, year and genres each add to the average.

Shapley values of three players (L. Shapley, 1953): what each adds, averaged over the six orders
in which director, year and genres of an average film may be exchanged for those of the pick. The
average comes from the catalogue's background films; every value comes from the model itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from data.films import Combination, Genres, genre_slots
from edge.search.explained import Why
from edge.search.model import Model

# Shares are rounded to this grid, on which sums of a few stars are exact in a float64.
_GRID = 2.0**30

# A film with some choices of the pick and the others of each background film.
_Mix: TypeAlias = tuple[str | None, int | None, Genres | None]


def explain(
    model: Model, combinations: Sequence[Combination], expected: Sequence[float]
) -> list[Why]:
    """Return the shares of each combination.

    Args:
        model: made the predictions.
        combinations: to explain.
        expected: the model's expected stars of each.
    """
    mixes: dict[_Mix, float] = {(None, None, None): 0.0}
    for film in combinations:
        d, y, g = film.director, film.year, film.genres
        mixes[d, None, None] = mixes[None, y, None] = mixes[None, None, g] = 0.0
        mixes[d, y, None] = mixes[d, None, g] = mixes[None, y, g] = 0.0
    mixes = dict(zip(mixes, _means(model, list(mixes)), strict=True))
    return [_shares(film, stars, mixes) for film, stars in zip(combinations, expected, strict=True)]


def _means(model: Model, mixes: list[_Mix]) -> list[float]:
    """Return the expected stars of each mix, averaged over the background, in few calls."""
    background = model.catalogue.background
    names = model.catalogue.genres
    directors = np.array([row.director for row in background], object)
    years = np.array([row.year for row in background], np.int64)
    slots = np.array([genre_slots(names[i] for i in row.genres) for row in background], object)
    means: list[float] = []
    for start in range(0, len(mixes), 256):
        some = mixes[start : start + 256]
        all_directors = np.tile(directors, (len(some), 1))
        all_years = np.tile(years, (len(some), 1))
        all_slots = np.tile(slots, (len(some), 1, 1))
        for place, (director, year, genres) in enumerate(some):
            if director is not None:
                all_directors[place] = director
            if year is not None:
                all_years[place] = year
            if genres is not None:
                all_slots[place] = genre_slots(genres)
        found = model.rows(
            all_directors.ravel(), all_years.ravel(), all_slots.reshape(-1, 3), probabilities=False
        )
        means += found.expected.reshape(len(some), -1).mean(axis=1, dtype=np.float64).tolist()
    return means


def _shares(film: Combination, expected: float, mean: dict[_Mix, float]) -> Why:
    d, y, g = film.director, film.year, film.genres
    nothing = mean[None, None, None]
    only_d, only_y, only_g = mean[d, None, None], mean[None, y, None], mean[None, None, g]
    not_d, not_y, not_g = mean[None, y, g], mean[d, None, g], mean[d, y, None]

    def share(alone: float, with_one: float, with_other: float, last: float) -> float:
        exact = alone / 3 + with_one / 6 + with_other / 6 + last / 3
        # Adding zero turns -0.0 into 0.0.
        return round(exact * _GRID) / _GRID + 0.0

    average = round(nothing * _GRID) / _GRID
    director = share(only_d - nothing, not_g - only_y, not_y - only_g, expected - not_d)
    year = share(only_y - nothing, not_g - only_d, not_d - only_g, expected - not_y)
    # The rest is the genres' share; it takes in the roundings, a billionth of a star.
    return Why(average, director, year, expected - average - director - year)
