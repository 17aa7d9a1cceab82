"""Bounds always hold: nothing scores above its director's ceiling or its pair's bound."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.search.best import Search
from edge.search.bounds import Bounds
from edge.search.search_space import SearchSpace

from .made_up import model as made_up_model

pytestmark = pytest.mark.numeric


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_combination_is_above_its_bounds(data):
    # Where all parts are equal the bounds are tight, and one too little would be seen.
    model = made_up_model(
        data.draw(st.integers(0, 10**6)), spread=data.draw(st.sampled_from([0, 500]))
    )
    index, tables = model.index, model.tables
    draw = np.random.default_rng(data.draw(st.integers(0, 10**6)))

    def some(count):
        return draw.choice(count, draw.integers(1, count + 1), replace=False)

    space = SearchSpace.of(
        index,
        some(len(index.names)),
        some(index.years),
        some(index.sets.count),
        plausible=data.draw(st.booleans()),
    )
    bounds = Bounds(tables, space)
    opened = set(bounds.order.tolist())
    for cells in space.blocks():
        scores = tables.score(*cells) - tables.constant
        director = np.searchsorted(space.directors, cells.directors)
        chosen = np.searchsorted(space.sets, cells.sets)
        assert (scores <= bounds.ceilings[director]).all()
        part = tables.genre_part(cells.directors, cells.sets)
        assert (scores <= bounds.pair_bounds(director, chosen, part)).all()
        assert set(director.tolist()) <= opened


def test_of_equal_films_of_a_director_the_first_in_order_wins_however_late_it_is_found():
    """A set that promises more is looked at first; its equal in another set comes earlier."""
    for seed in range(200):
        model = made_up_model(seed, directors=2, genres=2, years=3, spread=1)
        index = model.index
        space = SearchSpace.of(index, [0, 1], range(3), range(3))
        cells = next(space.blocks())
        scores = model.tables.score(*cells)
        order = np.lexsort((cells.sets, cells.years, cells.directors, -scores))
        _, first = np.unique(cells.directors[order], return_index=True)
        wanted = cells.take(order[np.sort(first)])
        found = Search(model.tables, space).best(2).cells
        assert [column.tolist() for column in found] == [column.tolist() for column in wanted]
