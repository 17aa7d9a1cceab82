"""How films are split into those to learn from and those to predict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from training.model.careers import Ints

RANDOM_SPLITS = 5
TRAIN_SHARE = 0.7
_FIRST_SEED = 100


class Split(NamedTuple):
    """Rows to learn from and rows to predict, each ascending."""

    name: str
    train: Ints
    test: Ints


def random_splits(rows: int, count: int = RANDOM_SPLITS) -> Iterator[Split]:
    """Yield `count` random 70/30 splits, the same ones for the same number of rows."""
    for number in range(count):
        shuffled = np.random.default_rng(_FIRST_SEED + number).permutation(rows)
        cut = round(TRAIN_SHARE * rows)
        yield Split(f"random {number + 1}", np.sort(shuffled[:cut]), np.sort(shuffled[cut:]))


def split_in_time(years: Ints) -> Split:
    """Return the split at the end of the year by which 70% of the films were made."""
    last = int(np.sort(years)[round(TRAIN_SHARE * len(years)) - 1])
    if last == years.max():
        last = int(np.sort(np.unique(years))[-2]) if len(np.unique(years)) > 1 else last
    before = years <= last
    return Split(f"after {last}", np.flatnonzero(before), np.flatnonzero(~before))
