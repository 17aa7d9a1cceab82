"""The baselines are what their names say."""

import numpy as np
import pytest

from training.evaluation import baselines
from training.export.example_bundle import made_up_films
from training.model.records import frame_of_films, ratings_of

pytestmark = pytest.mark.numeric


def test_baselines_say_what_their_names_say(halves):
    train, test = halves
    # Without votes all films count alike.
    X, stars = frame_of_films(train).drop(columns="votes"), np.array([f.stars for f in train])
    asked = frame_of_films(test)
    constant = baselines.Constant().fit(X, stars).predict(asked)
    assert np.allclose(constant, stars.mean())
    means = baselines.DirectorMean().fit(X, stars).predict(asked)
    for film, mean in zip(test, means, strict=True):
        own = [f.stars for f in train if f.director == film.director]
        assert mean == pytest.approx(np.mean(own) if own else stars.mean())
    forest = baselines.LabelForest().fit(X, stars).forest_
    assert (forest.n_estimators, forest.min_samples_leaf) == (200, 5)
    logistic = baselines.OneHotLogistic().fit(X, stars).predict_proba(asked)
    assert np.allclose(logistic.sum(axis=1), 1.0)
    assert not logistic[:, [k - 1 for k in range(1, 11) if k not in stars]].any()


def test_a_baselines_probabilities_are_a_distribution(halves):
    train, test = halves
    stars = np.array([f.stars for f in train])
    for name in ("constant", "director mean"):
        _, p = baselines.predict_baseline(name, frame_of_films(train), stars, frame_of_films(test))
        assert np.allclose(p.sum(axis=1), 1.0)
    p = baselines.predict_baseline("constant", frame_of_films(train), stars, frame_of_films(test))[
        1
    ]
    shares = np.bincount(stars, minlength=11)[1:] / len(stars)
    assert np.abs(p[0] - shares).max() < 0.02


def test_a_shrunk_mean_is_drawn_by_noise_over_the_variance_between_directors():
    draw = np.random.default_rng(0)
    directors = np.repeat([f"d{i}" for i in range(400)], draw.integers(1, 12, 400))
    talent = dict(zip(np.unique(directors), draw.normal(6, 0.8, 400), strict=True))
    ratings = np.array([talent[d] for d in directors]) + draw.normal(0, 1.0, len(directors))
    found = baselines.DirectorStatistics(directors, ratings, np.ones(len(ratings)))
    # The noise is 1, the variance between directors 0.64.
    assert 1.2 < found.shrink < 2.0
    mean, films = found.of(["d7", "nobody"])[0]
    own = ratings[directors == "d7"]
    assert films == len(own)
    drawn = (own.sum() + found.shrink * ratings.mean()) / (len(own) + found.shrink)
    assert mean == pytest.approx(drawn)
    assert found.of(["nobody"])[0] == pytest.approx([ratings.mean(), 0])


def test_directors_who_do_not_differ_count_for_nothing():
    directors = np.repeat([f"d{i}" for i in range(30)], 4)
    ratings = np.tile([5.0, 6.0, 7.0, 6.0], 30)
    found = baselines.DirectorStatistics(directors, ratings, np.ones(120))
    assert found.shrink > 1_000
    assert np.allclose(found.of(directors)[:, 0], 6.0)


def test_films_of_few_votes_count_less_and_those_of_unknown_votes_fully():
    X = frame_of_films(made_up_films(3)).head(4).assign(votes=[0, 25, 1e9, np.nan])
    assert baselines.weights_of(X) == pytest.approx([1 / 26, 0.5, 1.0, 1.0])


def test_ridge_learns_directors_genres_and_years(halves):
    train, test = halves
    X, ratings = frame_of_films(train), ratings_of(train)
    truth = np.array([f.stars for f in test])
    found = baselines.OneHotRidge().fit(X, ratings).predict(frame_of_films(test))
    assert np.mean((found - truth) ** 2) < 0.9 * np.var(truth)
