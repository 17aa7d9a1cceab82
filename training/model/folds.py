"""Folds that never divide a group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from training.model.careers import Ints


def in_order_of_appearance(groups: NDArray[Any]) -> tuple[Ints, int]:
    """Return each row's group, numbered as they first appear, [n], and how many there are."""
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[number], len(first)


def folds(groups: Ints, count: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield the rows of each fold's films to learn from and to predict, `count` times.

    Args:
        groups: of each row, [n]; rows of one group are never divided.
        count: how many folds, at most as many as there are groups.
        seed: of the shuffle.
    """
    number, total = in_order_of_appearance(groups)
    for _, held in KFold(min(count, total), shuffle=True, random_state=seed).split(range(total)):
        inside = np.isin(number, held)
        yield np.flatnonzero(~inside), np.flatnonzero(inside)
