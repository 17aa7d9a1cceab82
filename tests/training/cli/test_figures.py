"""`greenlight-train evaluate`: honest figures on films the model has not seen."""

import csv
import json

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from data.film_table import write_films
from training.cli import app
from training.evaluation import baselines, optimism, splits
from training.evaluation.methods import METHODS, MODEL, predict_with
from training.evaluation.metrics import NAMES
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


def run(folder, train, test, *more):
    write_films(folder / "a.csv", train)
    write_films(folder / "b.csv", test)
    arguments = ["evaluate", "--train", folder / "a.csv", "--test", folder / "b.csv",
                 "--out", folder / "predictions.csv", "--jobs", "1", *more]  # fmt: skip
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def evaluated(halves, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    rows = run(folder, *halves, "--json", folder / "metrics.json")
    return rows, json.loads((folder / "metrics.json").read_text())


def test_one_row_for_each_film_in_order_with_every_digit(halves, evaluated):
    rows, _ = evaluated
    classes = [f"p{k}" for k in range(1, 11)]
    assert list(rows[0]) == ["title", "year", "director", "expected", *classes]
    assert [(r["title"], r["director"]) for r in rows] == [(f.title, f.director) for f in halves[1]]
    for row in rows:
        assert repr(float(row["expected"])) == row["expected"]
        assert sum(float(row[c]) for c in classes) == pytest.approx(1.0, abs=1e-9)


def test_the_figures_are_those_of_the_written_predictions(halves, evaluated):
    rows, figures = evaluated
    stars = np.array([f.stars for f in halves[1]])
    expected = np.array([float(r["expected"]) for r in rows])
    p = np.array([[float(r[f"p{k}"]) for k in range(1, 11)] for r in rows])
    ours = figures["model"]["all"]
    assert ours["rmse"] == pytest.approx(np.sqrt(((expected - stars) ** 2).mean()))
    assert ours["log_loss"] == pytest.approx(-np.log(p[np.arange(len(p)), stars - 1]).mean())
    assert ours["accuracy"] == pytest.approx((p.argmax(axis=1) + 1 == stars).mean())


def test_all_figures_are_there_for_all_methods_and_directors_seen_or_not(halves, evaluated):
    _, figures = evaluated
    assert set(figures["baselines"]) == {
        "constant", "director mean", "random forest", "multinomial logistic", "plain boosting",
    }  # fmt: skip
    for method in (figures["model"], *figures["baselines"].values()):
        assert list(method) == ["all", "seen", "unseen"]
        assert all(set(part) == set(NAMES) for part in method.values())
    assert figures["films"]["train"] == len(halves[0])
    assert figures["films"]["test"] == len(halves[1])


def test_what_the_test_films_got_changes_no_prediction(halves, evaluated):
    train, test = halves
    spoilt = [msgspec.structs.replace(f, stars=1, rating=1.0, votes=9) for f in test]
    expected = predict_with(MODEL, train, spoilt).expected
    assert [repr(float(e)) for e in expected] == [row["expected"] for row in evaluated[0]]


def test_the_model_beats_the_constant_where_there_is_something_to_learn(evaluated):
    _, figures = evaluated
    constant = figures["baselines"]["constant"]["all"]
    assert figures["model"]["all"]["rmse"] < constant["rmse"]
    assert figures["model"]["all"]["log_loss"] < constant["log_loss"]


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


def test_a_table_of_one_rating_is_no_trouble_for_any_method():
    films = [msgspec.structs.replace(f, stars=6, rating=6.0) for f in made_up_films(20)]
    for method in METHODS:
        if method != "random forest":
            found = predict_with(method, films, films[:40])
            assert np.allclose(found.expected, 6.0, atol=1e-6)
            assert np.all(found.probabilities.argmax(axis=1) == 5)


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


def test_random_splits_divide_all_films_and_are_the_same_every_time():
    for first, again in zip(splits.random_splits(100), splits.random_splits(100), strict=True):
        assert np.array_equal(first.train, again.train)
        assert len(first.train) == 70
        assert np.array_equal(np.sort(np.concatenate([first.train, first.test])), np.arange(100))


def test_a_split_in_time_keeps_the_future_out_of_training():
    years = np.array([1990, 1991, 1991, 1992, 1993, 1993, 1994, 1995, 1996, 1996])
    split = splits.split_in_time(years)
    assert split.name == "after 1994"
    assert years[split.train].max() < years[split.test].min()


def test_optimism_of_slates_is_zero_for_who_knows_the_truth():
    stars = np.random.default_rng(0).integers(1, 11, 400)
    found = optimism.of_slates(stars, stars.astype(float))
    assert found == {36: 0.0, 360: 0.0}
    assert optimism.of_slates(stars, stars + 0.5) == {36: 0.5, 360: 0.5}
