"""The baselines are what their names say."""

import numpy as np
import pytest

from training.evaluation import baselines
from training.export.example_bundle import made_up_films
from training.model.records import frame_of_films

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def halves():
    films = made_up_films(60, seed=1)
    test = np.random.default_rng(0).random(len(films)) < 0.3
    return [f for f, t in zip(films, test, strict=True) if not t], [
        f for f, t in zip(films, test, strict=True) if t
    ]


def test_baselines_say_what_their_names_say(halves):
    train, test = halves
    X, stars = frame_of_films(train), np.array([f.stars for f in train])
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
