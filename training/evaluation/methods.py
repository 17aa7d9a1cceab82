"""The model and the baselines, measured on the same unseen films."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from data.films import NO_GENRE, Film
from judging.losses import slate_figures
from training.evaluation.baselines import BASELINES, predict_baseline
from training.evaluation.metrics import by_director
from training.model.careers import Floats
from training.model.estimator import FilmModel
from training.model.head import CLASSES
from training.model.records import COLUMNS, frame_of_films, ratings_of
from training.model.threads import one_thread
from training.progress import ProgressReporter

MODEL = "Greenlight"
METHODS = (MODEL, *BASELINES)
# By figure, then by part: all films, and those of directors seen in training or not.
Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Predicted:
    """One method's predictions of the test films, [n] and [n, 10], and their figures.

    Attributes:
        hidden: the model's RMSE if the director, the year or the genres are hidden from it.
    """

    method: str
    expected: Floats
    probabilities: Floats
    figures: Figures
    hidden: dict[str, float] = field(default_factory=dict)


def predict_with(method: str, train: Sequence[Film], test: Sequence[Film]) -> Predicted:
    """Fit a method on `train` alone and predict `test`.

    All methods learn from decimals and votes of the training films, and see neither of the test
    films.
    """
    known, asked = frame_of_films(train), frame_of_films(test).drop(columns="votes")
    hidden = {}
    stars = np.array([film.stars for film in test])
    if method == MODEL:
        model = FilmModel().fit(known, ratings_of(train))
        table = model.features(asked)
        expected = model.predict_features(table)
        probabilities = model.head_.probabilities(expected, model.head_inputs(table))
        hidden = {
            name: float(np.sqrt(((model.predict(without) - stars) ** 2).mean()))
            for name, without in _without(known, asked).items()
        }
    else:
        expected, probabilities = predict_baseline(method, known, ratings_of(train), asked)
    directors = {film.director for film in train}
    seen = np.array([film.director in directors for film in test])
    figures = by_director(stars, expected, probabilities, seen)
    return Predicted(method, expected, probabilities, figures, hidden)


def whole_stars_figures(
    method: str, train: Sequence[Film], test: Sequence[Film]
) -> dict[str, float]:
    """Return a baseline's RMSE and regret when it learns from whole stars and no votes."""
    known, asked = (frame_of_films(films).drop(columns="votes") for films in (train, test))
    with one_thread():
        fitted = BASELINES[method]().fit(known, np.array([film.stars for film in train]))
        expected = fitted.predict(asked)
    stars = np.array([film.stars for film in test])
    return {
        "rmse": float(np.sqrt(((expected - stars) ** 2).mean())),
        "regret": slate_figures(stars, expected)[0],
    }


def _without(known: pd.DataFrame, asked: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the asked records with each of the three choices hidden."""
    slots = [name for name in COLUMNS if name.startswith("genre")]
    return {
        "director": asked.assign(director=""),
        "year": asked.assign(year=int(known.year.median())),
        "genres": asked.assign(**dict.fromkeys(slots, NO_GENRE)),
    }


def evaluate(
    train: Sequence[Film], test: Sequence[Film], *, jobs: int, progress: ProgressReporter
) -> dict[str, Predicted]:
    """Return what each method predicts for `test`, by method, the model first."""
    progress(f"fit {MODEL} and {len(BASELINES)} baselines", 0.0)
    # The slowest start first.
    order = sorted(METHODS, key=[MODEL, "random forest", *METHODS].index)
    running = Parallel(jobs, return_as="generator_unordered")(
        delayed(predict_with)(method, train, test) for method in order
    )
    found = {}
    for predicted in running:
        found[predicted.method] = predicted
        progress(f"{predicted.method} done", len(found) / len(METHODS))
    return {method: found[method] for method in METHODS}


def write_predictions(path: Path, films: Sequence[Film], predicted: Predicted) -> None:
    """Write `title,year,director,expected,p1..p10` of each film, in order, with every digit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        classes = [f"p{k}" for k in range(1, CLASSES + 1)]
        writer.writerow(["title", "year", "director", "expected", *classes])
        for film, expected, probabilities in zip(
            films, predicted.expected, predicted.probabilities, strict=True
        ):
            digits = [repr(float(p)) for p in probabilities]
            writer.writerow([film.title, film.year, film.director, repr(float(expected)), *digits])


def as_json(
    train: Sequence[Film], test: Sequence[Film], found: dict[str, Predicted]
) -> dict[str, Any]:
    """Return all figures: of the model, and of each baseline; NaN becomes null."""
    figures = {method: _plain(predicted.figures) for method, predicted in found.items()}
    directors = {film.director for film in train}
    seen = sum(film.director in directors for film in test)
    return {
        "schema_version": 1,
        "films": {"train": len(train), "test": len(test), "test_seen_directors": seen},
        "model": figures[MODEL],
        "baselines": {name: figures[name] for name in BASELINES},
    }


def _plain(figures: Figures) -> dict[str, dict[str, float | None]]:
    return {
        part: {name: None if np.isnan(value) else value for name, value in values.items()}
        for part, values in figures.items()
    }
