"""The starting point of all studios in one world."""

from __future__ import annotations

from pathlib import Path

from data.film_table import write_films
from data.signing import PrivateKey, development_key
from training.dataset import load
from training.export.bundle import prepare, write
from training.model.estimator import FilmModel

from .world import World


class Home:
    """The starting point of all studios in one world: film table, key and first bundle."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.world = World(seed)
        self.table = folder / "films.csv"
        self.bundle = folder / "bundle"
        self.keys = folder / "keys"

    def make(self) -> None:
        """Write the table, and train the first model on it."""
        write_films(self.table, self.world.films)
        exported = prepare(load("csv", self.table), estimator(), version=1, combinations=2_000)
        write(exported, self.bundle, self.key())

    def key(self) -> PrivateKey:
        """Return the studio's key, made on first use."""
        return development_key(self.keys)


def estimator() -> FilmModel:
    """Return a model for a film table of this size."""
    return FilmModel(trees=60, learning_rate=0.1, leaves=8, min_films=20, folds=4)
