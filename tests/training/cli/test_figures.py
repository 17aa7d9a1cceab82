"""`greenlight-train evaluate`: honest figures on films the model has not seen."""

import csv
import json

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from data.film_table import write_films
from training.cli import app
from training.evaluation.methods import METHODS, MODEL, predict_with
from training.evaluation.metrics import NAMES
from training.export.example_bundle import made_up_films

pytestmark = pytest.mark.numeric


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
        "constant", "director mean", "shrunk director mean", "ridge", "random forest",
        "multinomial logistic", "plain boosting",
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


def test_every_method_copes_with_a_table_of_a_single_rating():
    films = [msgspec.structs.replace(f, stars=6, rating=6.0) for f in made_up_films(20)]
    for method in METHODS:
        if method != "random forest":
            found = predict_with(method, films, films[:40])
            assert np.allclose(found.expected, 6.0, atol=1e-6)
            assert np.all(found.probabilities.argmax(axis=1) == 5)
