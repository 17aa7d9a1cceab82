"""The slate's grid: the original's 36 combinations in their places, coloured from cool to hot."""

from __future__ import annotations

import random

import pytest

from data import signing
from edge.page.grid import STEPS, grid_of
from edge.page.stored_answer import read_answer
from edge.search.drawn_slate import draw_slate
from edge.search.model import Model
from edge.search.pick import choose, choose_drawn
from edge.search.slate import Slate


@pytest.fixture(scope="module")
def model(bundle, keys):
    return Model.open(bundle, signing.read_public_keys(keys[0]))


def test_thirty_six_films_are_in_nine_rows_and_four_columns(model):
    answer = choose_drawn(model, draw_slate(model, Slate(sample="any"), random.Random(3)))
    grid = grid_of(read_answer(answer.to_json()))
    rows = [row for block in grid.blocks for row in block.rows]
    assert [len(row.cells) for row in rows] == [4] * 9
    assert len(grid.columns) == 4
    for row in rows:
        assert [cell.genres for cell in row.cells] == list(grid.columns)
        assert {cell.year for cell in row.cells} == {row.year}


def test_the_best_is_hottest_and_the_only_one_marked(model):
    answer = choose_drawn(model, draw_slate(model, Slate(sample="any"), random.Random(4)))
    grid = grid_of(read_answer(answer.to_json()))
    cells = [cell for block in grid.blocks for row in block.rows for cell in row.cells]
    best = max(cells, key=lambda cell: cell.expected)
    assert best.heat == STEPS - 1
    assert best.rank == 1
    assert [cell for cell in cells if cell.picked] == [best]
    assert min(cells, key=lambda cell: cell.expected).heat == 0
    assert sorted(cell.rank for cell in cells) == list(range(1, 37))


def test_of_a_larger_space_the_best_are_shown(model):
    answer = choose(model, Slate(), 36)
    grid = grid_of(read_answer(answer.to_json()))
    assert grid.blocks == ()
    assert [cell.expected for cell in grid.best] == [pick.expected for pick in answer.picks]
    assert grid.best[0].picked
    assert not any(cell.picked for cell in grid.best[1:])


@pytest.mark.parametrize("kept", [None, b"", b"{", b"[]", b'{"picks": 3}', b"\xff"])
def test_a_slate_that_cannot_be_read_is_not_shown(kept):
    assert read_answer(kept) is None
