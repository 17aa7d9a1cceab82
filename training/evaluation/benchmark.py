"""The report's figures, measured on five random splits and one in time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from joblib import Parallel, delayed

from data.films import Film
from judging.losses import calibration_bins
from training.dataset import film_ids
from training.evaluation import optimism
from training.evaluation.baselines import BASELINES
from training.evaluation.breakdown import Part, WorstFilm, parts_of, worst_of
from training.evaluation.methods import (
    METHODS,
    MODEL,
    Figures,
    Predicted,
    predict_with,
    whole_stars_figures,
)
from training.evaluation.metrics import confusion
from training.evaluation.picks import PickedStars, Unseen, picks
from training.evaluation.splits import Split, random_splits, split_in_time
from training.model.careers import Ints
from training.model.estimator import FilmModel
from training.progress import ProgressReporter

BENCHMARK = "benchmark.json"
_INVENTED = "invented combinations"
_WHOLE = "whole stars"
# The shares of the films to learn from at which the learning curve is measured.
_CURVE = (0.1, 0.25, 0.5)


class SplitResult(msgspec.Struct, frozen=True):
    """One split.

    Attributes:
        figures: by method, then part (all, seen, unseen), then figure.
        whole_stars: RMSE and regret of each baseline that learns from whole stars and no votes.
        hidden: the model's RMSE if the director, the year or the genres are hidden from it.
        optimism: of the model's best of some test films, by their number.
    """

    name: str
    train: int
    test: int
    figures: dict[str, Figures]
    whole_stars: dict[str, dict[str, float]]
    hidden: dict[str, float]
    optimism: dict[int, float]


class CurvePoint(msgspec.Struct, frozen=True):
    """The model's figures on one random split's test films, learned from some of the films."""

    films: int
    rmse: float
    log_loss: float


class Benchmark(msgspec.Struct, frozen=True):
    """All figures measured on unseen films.

    Attributes:
        films_sha256: of the film table.
        settings: of the estimator that was measured.
        random: the five random splits.
        in_time: films after a year, predicted from those up to it.
        confusion: stars by most probable class over the random splits, [10][10].
        calibration: for each bin of the probability of the most probable class over the random
            splits: its mean, the accuracy, the number of films.
        picks, picks_in_time: what each method picks from slates of test films.
        curve: the learning curve, by films.
        parts: the model's error by genre, decade and films of the director, over the random splits.
        worst: the films with the largest errors.
        repeats: rows that repeat a film of the table; a split never divides them.
    """

    films_sha256: str
    settings: dict[str, float]
    random: tuple[SplitResult, ...]
    in_time: SplitResult
    invented: optimism.Invented
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[tuple[float, float, int], ...]
    picks: tuple[PickedStars, ...]
    picks_in_time: tuple[PickedStars, ...]
    curve: tuple[CurvePoint, ...]
    parts: tuple[Part, ...]
    worst: tuple[WorstFilm, ...]
    repeats: int

    def values(self, method: str, figure: str, part: str = "all") -> list[float]:
        """Return a figure on each of the random splits."""
        return [split.figures[method][part][figure] for split in self.random]

    def mean(self, method: str, figure: str, part: str = "all") -> float:
        """Return a figure's mean over the random splits."""
        return float(np.mean(self.values(method, figure, part)))

    def mean_optimism(self) -> dict[int, float]:
        """Return the optimism of the best of this many random test films, over the splits."""
        sizes = self.random[0].optimism
        return {n: float(np.mean([s.optimism[n] for s in self.random])) for n in sizes}


def save(folder: Path, benchmark: Benchmark) -> None:
    """Write the figures for later reports."""
    raw = msgspec.json.encode(benchmark)
    (folder / BENCHMARK).write_bytes(msgspec.json.format(raw, indent=1))


def load(folder: Path, sha256: str) -> Benchmark | None:
    """Return the figures saved for exactly this film table and estimator, if any."""
    try:
        found = msgspec.json.decode((folder / BENCHMARK).read_bytes(), type=Benchmark)
    except (OSError, msgspec.DecodeError):
        return None
    fits = (found.films_sha256, found.settings) == (sha256, settings())
    return found if fits else None


def settings() -> dict[str, float]:
    """Return the estimator's settings that its figures depend on."""
    chosen = FilmModel().get_params()
    return {name: float(value) for name, value in chosen.items() if name != "jobs"}


class _Task(NamedTuple):
    """What one process measures: a method on a split, or something that needs no split.

    Attributes:
        terms: `_WHOLE` for a baseline that learns from whole stars; empty for equal terms.
    """

    split: Split | None
    method: str
    terms: str = ""


def run(films: Sequence[Film], sha256: str, *, jobs: int, progress: ProgressReporter) -> Benchmark:
    """Fit every method on every split and measure."""
    ids = film_ids(films)
    splits = [*random_splits(ids), split_in_time(np.array([film.year for film in films]))]
    random, in_time = splits[:-1], splits[-1]
    # The slowest start first, so that all processes finish at about the same time.
    order = sorted(METHODS, key=[MODEL, "random forest", *METHODS].index)
    curve = [_smaller(random[0], share) for share in _CURVE]
    tasks = [
        _Task(None, _INVENTED),
        *(_Task(split, method) for method in order for split in splits),
        *(_Task(split, MODEL) for split in curve),
        *(_Task(split, method, _WHOLE) for method in BASELINES for split in splits),
    ]
    running = Parallel(jobs, return_as="generator_unordered")(
        delayed(_measure)(films, task) for task in tasks
    )
    progress("five random splits, one in time", 0.0)
    found: dict[tuple[str, str, str], Any] = {}
    for done, (key, result) in enumerate(running, 1):
        found[key] = result
        progress(" ".join(filter(None, (key[1], key[0], key[2]))), done / len(tasks))
    results = [_result(films, split, found) for split in splits]
    stars, predicted = _pooled(films, random, found)
    tested = [[films[i] for i in split.test] for split in random]
    directors = [_films_of_directors(films, split) for split in random]
    expected = [found[split.name, MODEL, ""].expected for split in random]
    return Benchmark(
        films_sha256=sha256,
        settings=settings(),
        random=tuple(results[:-1]),
        in_time=results[-1],
        invented=found["", _INVENTED, ""],
        confusion=confusion(stars, predicted.argmax(axis=1) + 1),
        calibration=tuple(calibration_bins(stars, predicted)),
        picks=tuple(picks([_unseen(films, split, found) for split in random])),
        picks_in_time=tuple(picks([_unseen(films, in_time, found)])),
        curve=tuple(_point(split, found) for split in (*curve, random[0])),
        parts=tuple(parts_of(tested, expected, directors)),
        worst=tuple(worst_of(tested, expected)),
        repeats=len(films) - len(np.unique(ids)),
    )


def _measure(films: Sequence[Film], task: _Task) -> tuple[tuple[str, str, str], Any]:
    if task.split is None:
        return ("", task.method, ""), optimism.of_invented(films)
    train, test = ([films[i] for i in rows] for rows in (task.split.train, task.split.test))
    measure = whole_stars_figures if task.terms == _WHOLE else predict_with
    return (task.split.name, task.method, task.terms), measure(task.method, train, test)


def _smaller(split: Split, share: float) -> Split:
    """Return a split with a part of its films to learn from."""
    draw = np.random.default_rng(7)
    some = draw.permutation(split.train)[: round(share * len(split.train))]
    return Split(f"{split.name}, {share:.0%}", np.sort(some), split.test)


def _point(split: Split, found: dict[tuple[str, str, str], Any]) -> CurvePoint:
    figures = found[split.name, MODEL, ""].figures["all"]
    return CurvePoint(len(split.train), figures["rmse"], figures["log_loss"])


def _unseen(films: Sequence[Film], split: Split, found: dict[tuple[str, str, str], Any]) -> Unseen:
    return Unseen(
        np.array([films[i].director for i in split.test], object),
        np.array([films[i].stars for i in split.test]),
        {method: found[split.name, method, ""].expected for method in METHODS},
    )


def _films_of_directors(films: Sequence[Film], split: Split) -> Ints:
    """Return how many films to learn from each test film's director has."""
    counts: dict[str, int] = {}
    for row in split.train:
        counts[films[row].director] = counts.get(films[row].director, 0) + 1
    return np.array([counts.get(films[i].director, 0) for i in split.test])


def _result(
    films: Sequence[Film], split: Split, found: dict[tuple[str, str, str], Any]
) -> SplitResult:
    stars = np.array([films[i].stars for i in split.test])
    ours: Predicted = found[split.name, MODEL, ""]
    return SplitResult(
        name=split.name,
        train=len(split.train),
        test=len(split.test),
        figures={method: found[split.name, method, ""].figures for method in METHODS},
        whole_stars={method: found[split.name, method, _WHOLE] for method in BASELINES},
        hidden=ours.hidden,
        optimism=optimism.of_slates(stars, ours.expected),
    )


def _pooled(
    films: Sequence[Film], splits: Sequence[Split], found: dict[tuple[str, str, str], Any]
) -> tuple[Ints, Any]:
    stars = [[films[i].stars for i in split.test] for split in splits]
    predicted = [found[split.name, MODEL, ""].probabilities for split in splits]
    return np.concatenate(stars), np.concatenate(predicted)
