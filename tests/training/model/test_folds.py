"""Folds never divide films of one combination."""

import numpy as np
from sklearn.model_selection import KFold

from training.model.folds import folds


def test_rows_of_one_group_are_together_and_each_is_held_out_once():
    groups = np.array([5, 1, 5, 2, 2, 8, 9, 1, 4, 5])
    held = []
    for seen, out in folds(groups, 3, seed=0):
        assert not set(groups[seen]) & set(groups[out])
        held += out.tolist()
    assert sorted(held) == list(range(10))


def test_without_groups_they_are_those_of_scikit_learn():
    mine = folds(np.arange(50), 5, seed=3)
    theirs = KFold(5, shuffle=True, random_state=3).split(range(50))
    for (seen, out), (other_seen, other_out) in zip(mine, theirs, strict=True):
        assert np.array_equal(seen, other_seen)
        assert np.array_equal(out, other_out)
