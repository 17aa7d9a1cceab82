"""Predicts the usual size of the model's error from year, genres and director.

    size(d, y, G) = year_genres(y, G) + director(d)

Both are boosted trees fitted to |rating - expected| of films as if unseen: the first on the columns
of group C alone, so that it's one more integer table, the second on the director's own columns and
on what the first leaves, so that it's one more number for each director. The head makes the
distribution wider or narrower by it; expected stars don't depend on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from training.model.careers import Floats
from training.model.columns import Columns
from training.model.grid import GRID
from training.model.threads import one_thread
from training.model.trees import Trees

# A few unpredictable films mustn't make all similar films look uncertain.
_LARGEST_ERROR = 2.5
_SETTINGS: dict[str, Any] = {
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 60,
    "l2_regularization": 10.0,
    "max_features": 0.3,
    "early_stopping": False,
}


class ErrorBoosting:
    """Fits the usual size of an error over the columns of `columns.Columns`.

    Args:
        columns: the position of each feature column.
        trees: how many trees each of the two parts has.
        seed: for choosing the columns that a split may use.
    """

    def __init__(self, columns: Columns, *, trees: int, seed: int) -> None:
        self._columns = columns
        self._settings = {**_SETTINGS, "max_iter": trees, "random_state": seed}

    def fit(self, table: Floats, errors: Floats) -> ErrorSize:
        """Learn the sizes of errors [n] from feature columns [n, width], on one thread."""
        sizes = np.minimum(np.abs(errors), _LARGEST_ERROR)
        of_set, of_director = parts_of(self._columns)
        with one_thread():
            by_set = HistGradientBoostingRegressor(**self._settings).fit(table[:, of_set], sizes)
            left = sizes - _on_grid(Trees.of(by_set), table[:, of_set])
            by_director = HistGradientBoostingRegressor(**self._settings)
            by_director.fit(table[:, of_director], left)
        return ErrorSize(self._columns, Trees.of(by_set), Trees.of(by_director))


class ErrorSize:
    """The usual size of an error.

    Args:
        columns: the position of each feature column.
        by_set, by_director: the trees of the two parts, over the columns that `parts_of` gives.
    """

    def __init__(self, columns: Columns, by_set: Trees, by_director: Trees) -> None:
        self._of_set, self._of_director = parts_of(columns)
        self.by_set, self.by_director = by_set, by_director

    def year_genres(self, table: Floats) -> Floats:
        """Return the part of year and genres in stars, rounded as in its table, [n]."""
        return _on_grid(self.by_set, table[:, self._of_set])

    def director(self, table: Floats) -> Floats:
        """Return the director's part in stars, [n]."""
        return _on_grid(self.by_director, table[:, self._of_director])

    def predict(self, table: Floats) -> Floats:
        """Return the usual size of the error in stars, [n]."""
        return self.year_genres(table) + self.director(table)


def parts_of(columns: Columns) -> tuple[list[int], list[int]]:
    """Return the columns that each part looks at: of year and genres, and of the director."""
    return list(columns.groups["C"]), list(range(*columns.director.indices(columns.width)))


def _on_grid(trees: Trees, columns: Floats) -> Floats:
    """Return predictions rounded as in the integer table, so that both agree."""
    rounded: Floats = np.round(trees.predict(columns) * GRID) / GRID
    return rounded
