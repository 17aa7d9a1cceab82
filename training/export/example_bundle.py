"""A small real bundle in a second or two, for tests of code that reads bundles.

Its films are made up, but everything else is the real path: fit, convert, gate, sign, write.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data import signing
from data.films import Film, stars_of
from training.dataset import FilmTable
from training.export.bundle import Exported, prepare, write
from training.model.estimator import FilmModel

GENRES = ("Action", "Comedy", "Crime", "Drama", "Horror", "Musical", "Romance", "Western")
_WORDS = ("Amber", "Bridge", "Candle", "Distant", "Echo", "Falcon", "Garden", "Harbour", "Island")


def made_up_films(directors: int = 40, seed: int = 0, genres: int = len(GENRES)) -> list[Film]:
    """Return made-up films; each director has a talent, a favourite genre and a career."""
    draw = np.random.default_rng(seed)
    films = []
    for number in range(directors):
        talent, favourite = draw.normal(6.3, 0.9), int(draw.integers(genres))
        first = int(draw.integers(1950, 2005))
        for film in range(1 + int(draw.integers(0, 15))):
            chosen = {favourite} if draw.random() < 0.7 else set()
            chosen |= {int(g) for g in draw.integers(0, genres, 1 + int(draw.integers(0, 2)))}
            bonus = 0.6 * (favourite in chosen) - 0.02 * film
            rating = round(float(np.clip(draw.normal(talent + bonus, 0.7), 1, 10)), 1)
            words = " ".join(draw.choice(_WORDS, 2, replace=False))
            films.append(
                Film(
                    title=f"{words} {number}-{film} ({first + film})",
                    year=first + film,
                    director=f"Director {number:04d}",
                    genres=tuple(sorted(GENRES[g] for g in chosen)),
                    kind="film",
                    stars=stars_of(rating),
                    rating=rating,
                    votes=int(draw.lognormal(7, 1.5)) + 5,
                )
            )
    return films


def small_model(seed: int = 0) -> FilmModel:
    """Return an estimator that fits a small table in a second."""
    return FilmModel(
        trees=40, learning_rate=0.15, leaves=6, min_films=10, folds=3, error_trees=20, seed=seed
    )


def example_table(directors: int = 40, seed: int = 0) -> FilmTable:
    """Return made-up films as a film table."""
    return FilmTable("example", "made up", made_up_films(directors, seed), [])


def make_example_bundle(
    folder: Path,
    *,
    directors: int = 40,
    seed: int = 0,
    version: int = 1,
    key: signing.PrivateKey | None = None,
) -> Exported:
    """Write a small signed bundle to `folder`, and its arrays beside it.

    Args:
        folder: of the bundle; the arrays go beside it.
        directors: how many to make up.
        seed: for the made-up films and the model.
        version: of the bundle.
        key: to sign with; by default the development key.
    """
    exported = prepare(
        example_table(directors, seed),
        small_model(seed),
        version=version,
        combinations=500,
        presses=100,
    )
    write(exported, folder, key or signing.development_key())
    return exported
