"""How films are split into those to learn from and those to predict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.model.careers import Ints
from training.model.folds import in_order_of_appearance

RANDOM_SPLITS = 5
TRAIN_SHARE = 0.7
_FIRST_SEED = 100


class Split(NamedTuple):
    """Rows to learn from and rows to predict, each ascending."""

    name: str
    train: Ints
    test: Ints


def random_splits(groups: Ints | NDArray[np.uint64], count: int = RANDOM_SPLITS) -> Iterator[Split]:
    """Yield `count` random 70/30 splits, the same ones for the same number of groups.

    Args:
        groups: of each row; rows of one group are never divided, so that a film the table repeats
        is
            never on both sides.
        count: how many.
    """
    number, total = in_order_of_appearance(groups)
    for split in range(count):
        shuffled = np.random.default_rng(_FIRST_SEED + split).permutation(total)
        learned = np.zeros(total, bool)
        learned[shuffled[: round(TRAIN_SHARE * total)]] = True
        rows = learned[number]
        yield Split(f"random {split + 1}", np.flatnonzero(rows), np.flatnonzero(~rows))


def split_in_time(years: Ints) -> Split:
    """Return the split at the end of the year by which 70% of the films were made."""
    last = int(np.sort(years)[round(TRAIN_SHARE * len(years)) - 1])
    if last == years.max():
        last = int(np.sort(np.unique(years))[-2]) if len(np.unique(years)) > 1 else last
    before = years <= last
    return Split(f"after {last}", np.flatnonzero(before), np.flatnonzero(~before))
