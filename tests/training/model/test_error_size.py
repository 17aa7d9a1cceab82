"""The model's usual error by year, genres and director."""

import numpy as np
import pytest

from training.export.example_bundle import made_up_films, small_model
from training.model.columns import Columns
from training.model.error_size import ErrorBoosting
from training.model.records import frame_of_films, ratings_of

pytestmark = pytest.mark.numeric


def test_sizes_of_errors_are_learned_by_genres_and_by_directors():
    columns = Columns(2)
    draw = np.random.default_rng(0)
    table = columns.empty(4000)
    table[:, columns.flags] = draw.integers(0, 2, (4000, 2))
    table[:, columns.films] = draw.integers(1, 20, 4000)
    wild = 0.5 + table[:, columns.flags.start] + (table[:, columns.films] < 5)
    size = ErrorBoosting(columns, trees=60, seed=0).fit(table, draw.normal(0, wild))
    of_set, of_director = size.year_genres(table), size.director(table)
    calm = wild == 0.5
    assert np.corrcoef(size.predict(table), wild)[0, 1] > 0.8
    assert of_set[table[:, columns.flags.start] == 1].mean() > of_set[calm].mean() + 0.3
    assert of_director[table[:, columns.films] < 5].mean() > of_director[calm].mean() + 0.3


def test_expected_stars_do_not_depend_on_the_sizes_of_errors(example, films):
    X, y = frame_of_films(films), ratings_of(films)
    other = small_model().set_params(error_trees=1).fit(X, y)
    assert np.array_equal(other.predict(X), example.model.predict(X))
    assert not np.array_equal(other.predict_proba(X), example.model.predict_proba(X))


def test_sizes_of_errors_as_if_unseen_know_nothing_of_shuffled_errors():
    films = made_up_films(140)
    X, y = frame_of_films(films), ratings_of(films)
    draw = np.random.default_rng(0)
    model = small_model().set_params(error_trees=60)
    found = []
    for _ in range(2):
        stars = draw.permutation(y)
        model.fit(X, stars)
        errors = np.abs(stars - model.unseen_expected_)
        found.append(np.corrcoef(model.unseen_error_sizes_, errors)[0, 1])
    assert np.mean(found) < 0.1
