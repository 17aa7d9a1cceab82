"""Compiled tables predict the same as the trees and the mixed model."""

import itertools

import numpy as np
import pytest

from training.export.compile import compile_model, own_overlaps
from training.model.combinations import random_combinations
from training.model.grid import GRID

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def tables(example):
    return compile_model(example.model)


@pytest.fixture(scope="module")
def asked(example):
    return random_combinations(example.model, 4_000, seed=5)


def numbers(tables, asked):
    index = {name: i for i, name in enumerate(tables.names)}
    directors = np.array([index.get(d, len(index)) for d in asked.director])
    years = np.clip(asked.year.to_numpy() - tables.first_year, 0, tables.years - 1)
    slots = asked[["genre1", "genre2", "genre3"]].to_numpy()
    return directors, years, np.array([tables.genre_sets.index_of(row) for row in slots])


def test_tables_are_the_model_within_rounding(example, tables, asked):
    from_tables = tables.scores(*numbers(tables, asked)) / GRID
    difference = np.abs(from_tables - example.model.predict(asked))
    # Seven entries and the constant, each rounded by at most half a step.
    assert difference.max() <= 8 * 0.5 / GRID


def test_the_graph_computes_exactly_the_tables_scores(example, tables, asked):
    scores = example.scorer.score(asked)
    assert np.array_equal(scores.score, tables.scores(*numbers(tables, asked)))
    assert np.array_equal(scores.expected, scores.score.astype(np.float32) / GRID)


def test_the_errors_tables_are_the_models_sizes_to_the_bit(example, tables, asked):
    directors, years, sets = numbers(tables, asked)
    steps = tables.director_error[directors].astype(int) + tables.year_genres_error[years, sets]
    sizes = example.model.error_size_.predict(example.model.features(asked))
    assert np.array_equal(steps / GRID, sizes)
    assert sizes.std() > 0


@pytest.mark.parametrize("own", range(7))
def test_overlaps_are_all_subsets_of_up_to_three_in_rank_order(own):
    found = {tuple(np.flatnonzero(row)) for row in own_overlaps(own)}
    wanted = {c for k in range(4) for c in itertools.combinations(range(own), k)}
    assert found == wanted
    assert len(own_overlaps(own)) == len(wanted)
