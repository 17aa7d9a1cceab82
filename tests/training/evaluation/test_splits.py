"""Splits of films at random and in time."""

import numpy as np
import pytest

from training.evaluation import splits

pytestmark = pytest.mark.numeric


def test_random_splits_divide_all_films_and_are_the_same_every_time():
    rows = np.arange(100)
    for first, again in zip(splits.random_splits(rows), splits.random_splits(rows), strict=True):
        assert np.array_equal(first.train, again.train)
        assert len(first.train) == 70
        assert np.array_equal(np.sort(np.concatenate([first.train, first.test])), np.arange(100))


def test_a_film_that_the_table_repeats_is_never_on_both_sides():
    ids = np.array([7, 3, 7, 9, 3, 7, *range(100, 130)])
    for split in splits.random_splits(ids):
        assert not set(ids[split.train]) & set(ids[split.test])
        assert len(split.train) + len(split.test) == len(ids)


def test_a_split_in_time_keeps_the_future_out_of_training():
    years = np.array([1990, 1991, 1991, 1992, 1993, 1993, 1994, 1995, 1996, 1996])
    split = splits.split_in_time(years)
    assert split.name == "after 1994"
    assert years[split.train].max() < years[split.test].min()
