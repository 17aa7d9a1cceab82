"""The film model as a scikit-learn estimator."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score

from training.export.example_bundle import made_up_films, small_model
from training.model.estimator import FilmModel
from training.model.head import FLOOR
from training.model.records import frame_of_films, ratings_of

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def table(films):
    return frame_of_films(films), ratings_of(films)


def test_it_can_be_cloned_and_cross_validated_and_learns(table):
    X, y = table
    folds = KFold(3, shuffle=True, random_state=0)
    scores = cross_val_score(clone(small_model()), X, y, cv=folds, scoring="r2")
    # Made-up directors have talents: a model that finds them explains a good part.
    assert scores.mean() > 0.3


def test_parameters_are_kept_untouched():
    model = FilmModel(trees=7, leaves=3)
    assert clone(model).get_params() == model.get_params()
    assert model.get_params()["trees"] == 7


def test_the_same_data_and_seed_give_the_same_model_in_one_or_two_processes(table):
    X, y = table
    alone, together = small_model().fit(X, y), small_model().set_params(jobs=2).fit(X, y)
    assert np.array_equal(alone.predict_proba(X), together.predict_proba(X))


def test_votes_teach_but_are_not_looked_at_when_predicting(example, table):
    X, y = table
    fewer = small_model().fit(X.assign(votes=np.nan), y)
    assert not np.array_equal(fewer.predict(X), example.model.predict(X))
    assert np.array_equal(example.model.predict(X.assign(votes=1.0)), example.model.predict(X))


def test_all_unknown_directors_are_one(example):
    rows = [("Nobody", 1990, "Drama", "None", "None"), ("Another", 1990, "None", "Drama", "Drama")]
    one, other = example.model.predict(rows)
    assert one == other


def test_probabilities_are_a_distribution_with_a_floor(example, table):
    p = example.model.predict_proba(table[0])
    assert p.shape == (len(table[0]), 10)
    assert np.allclose(p.sum(axis=1), 1.0)
    assert p.min() >= FLOOR


def test_training_features_come_from_folds_without_the_film(table):
    X, y = table
    model = small_model().fit(X, y)
    # What a film of one single-film director got must not show in what it was predicted from.
    counts = model.mixed_.careers.counts
    single = next(i for i, d in enumerate(X.director)
                  if counts[model.mixed_.careers.names.index(d)] == 1)  # fmt: skip
    assert len(model.unseen_expected_) == len(X)
    seen_error = np.abs(model.predict(X.iloc[[single]])[0] - y[single])
    unseen_error = np.abs(model.unseen_expected_[single] - y[single])
    assert seen_error != unseen_error
    assert np.sqrt(((model.unseen_expected_ - y) ** 2).mean()) > np.sqrt(
        ((model.predict(X) - y) ** 2).mean()
    )


def test_predictions_as_if_unseen_know_nothing_of_shuffled_stars():
    films = made_up_films(140)
    X, y = frame_of_films(films), ratings_of(films)
    draw = np.random.default_rng(0)
    model = FilmModel(
        trees=100, learning_rate=0.2, leaves=12, min_films=10, shrinkage=1.0, share=1.0,
        error_trees=1, jobs=2,
    )  # fmt: skip
    found = []
    for _ in range(4):
        stars = draw.permutation(y)
        found.append(np.corrcoef(model.fit(X, stars).unseen_expected_, stars)[0, 1])
    # Trees that learn from one cross-fitted table have seen the stars: there the mean is .14.
    assert np.mean(found) < 0.07


@pytest.mark.parametrize(
    ("X", "y", "says"),
    [
        (np.zeros((30, 4)), np.full(30, 5.0), "the films have the shape"),
        ([("A", "soon", "Drama", "None", "None")] * 30, np.full(30, 5.0), "'year'"),
        ([("A", 1990, "Drama", "None", "None")] * 30, np.full(30, 11.0), "outside of 1 to 10"),
        ([("A", 1990, "Drama", "None", "None")] * 30, np.full(29, 5.0), "29 ratings for 30"),
        ([("A", 1990, "Drama", "None", "None")] * 5, np.full(5, 5.0), "at least 20"),
    ],
)
def test_wrong_input_is_refused_by_name(X, y, says):
    with pytest.raises(ValueError, match=says):
        small_model().fit(X, y)


def test_a_table_without_variety_still_gives_a_model():
    X = [(f"D{i % 3}", 1990, "Drama", "None", "None") for i in range(40)]
    y = np.tile([5.0, 6.0, 7.0, 6.0], 10)
    model = small_model().fit(X, y)
    assert np.all(np.abs(model.predict(X) - 6.0) < 1.0)
