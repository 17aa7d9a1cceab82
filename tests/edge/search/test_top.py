"""The best so far: ranked by score, ties by director, year and genre set, however they come in."""

import itertools

import numpy as np
import pytest

from edge.search.search_space import Cells
from edge.search.top import Top

# Equal scores, in the order in which they must be found: director, year, genre set.
EQUAL = [(0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("repeat", [True, False])
def test_of_equal_scores_the_first_by_director_year_and_genres_wins(order, repeat):
    for k in (1, 2, 3):
        top = Top(k, 2, repeat_directors=repeat)
        for place in order:
            cells = Cells(*(np.array([value]) for value in EQUAL[place]))
            top.offer(np.array([5], np.int32), cells)
        found = list(zip(*(column.tolist() for column in top.found().cells), strict=True))
        assert found == (EQUAL if repeat else [EQUAL[0], EQUAL[3]])[:k]


def test_a_director_who_only_equals_the_last_may_enter_if_earlier_in_order():
    top = Top(1, 3, repeat_directors=False)
    top.offer(np.array([5], np.int32), Cells(*(np.array([value]) for value in (1, 0, 0))))
    wanted = top.wants(np.array([5, 5, 5, 6]), np.array([0, 1, 2, 2]))
    assert wanted.tolist() == [True, True, False, True]
