"""Tables that don't match the graph or its catalogue are refused before they are used."""

import random

import numpy as np
import pytest

from edge.search.model import BadModel, Model

from .made_up import catalogue, graph, tables

CATALOGUE = catalogue(random.Random(1), 9, 5, (2000, 2011), (2000, 2008))


def model_with(change):
    parts = tables(random.Random(2), CATALOGUE)
    content = graph(CATALOGUE, parts)
    given = {**parts, **change(parts)}
    # The graph's own sums stay right; only the tables that it gives are changed.
    changed = graph(CATALOGUE, parts, given=given)
    assert changed != content or not change(parts)
    return Model(changed, CATALOGUE, name="made-up", version=1, hash="0" * 64)


def test_tables_that_fit_are_read():
    assert model_with(lambda parts: {}).tables is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: {"director_year": p["director_year"][:-1]}, "table_director_year"),
        (lambda p: {"year_genres": p["year_genres"][:, :-1]}, "table_year_genres"),
        (lambda p: {"offset": p["offset"] + 1}, "table_offset"),
        (lambda p: {"director_genres": p["director_genres"][:-3]}, "table_offset"),
        (lambda p: {"set_level": p["set_level"] + 9}, "table_set_level"),
        (lambda p: {"set_level": -p["set_level"] - 1}, "table_set_level"),
        (lambda p: {"director_genre": np.ones_like(p["director_genre"])}, "no genre"),
    ],
)
def test_inconsistent_tables_are_refused(change, said):
    with pytest.raises(BadModel, match=said):
        _ = model_with(change).tables


def test_bytes_that_are_not_a_graph_are_refused():
    with pytest.raises(BadModel, match="ONNX Runtime refuses"):
        Model(b"no graph", CATALOGUE, name="made-up", version=1, hash="0" * 64)
