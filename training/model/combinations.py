"""Random combinations, to try a model on what no film table contains."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.films import NO_GENRE
from training.model.estimator import FilmModel
from training.model.records import COLUMNS


def random_combinations(model: FilmModel, count: int, seed: int = 0) -> pd.DataFrame:
    """Return random combinations of all kinds as records.

    Half draw their genres from the director's own films. One in fifty has an unknown director,
    genre or a year far outside, slots are in any order, and some genres repeat.
    """
    draw = np.random.default_rng(seed)
    careers, genres = model.mixed_.careers, np.array([*model.genre_sets_.genres], object)
    numbers = draw.integers(0, careers.unknown, count)
    directors = np.array([*careers.names], object)[numbers]
    first, last = model.table_years_
    years = draw.integers(first, last + 1, count)
    slots = genres[draw.integers(0, len(genres), (count, 3))]
    own = careers.own_genres()[numbers].astype(float)
    # The largest of random keys among own genres: a random choice of them without a loop.
    keys = draw.random(own.shape) * own
    chosen = np.argsort(-keys, axis=1)[:, : min(3, len(genres))]
    held = np.take_along_axis(own, chosen, axis=1) > 0
    half = np.arange(count) % 2 == 0
    picked = np.full((count, 3), NO_GENRE, object)
    picked[:, : chosen.shape[1]] = np.where(held, genres[chosen], NO_GENRE)
    slots[half] = picked[half]
    slots = draw.permuted(slots, axis=1)
    slots[draw.random((count, 3)) < 0.2] = NO_GENRE
    odd = draw.random((3, count)) < 0.02
    directors[odd[0]] = "nobody known"
    slots[odd[1], 0] = "no genre known"
    years[odd[2]] = draw.choice([1, 1800, 2500, 10**9], odd[2].sum())
    return pd.DataFrame(
        {"director": directors, "year": years, **{f"genre{i + 1}": slots[:, i] for i in range(3)}},
        columns=[*COLUMNS],
    )
