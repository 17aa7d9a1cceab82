"""The figures of the report: five random splits, one in time, and the optimism of the best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from joblib import Parallel, delayed

from data.films import Film
from judging.losses import calibration_bins
from training.evaluation import optimism
from training.evaluation.methods import METHODS, MODEL, Figures, Predicted, predict_with
from training.evaluation.metrics import confusion
from training.evaluation.splits import Split, random_splits, split_in_time
from training.model.careers import Ints
from training.model.estimator import FilmModel
from training.progress import ProgressReporter

BENCHMARK = "benchmark.json"
_INVENTED = "invented combinations"


class SplitResult(msgspec.Struct, frozen=True):
    """One split.

    Attributes:
        figures: by method, then part (all, seen, unseen), then figure.
        optimism: of the model's best of so many test films, by their number.
    """

    name: str
    train: int
    test: int
    figures: dict[str, Figures]
    optimism: dict[int, float]


class Benchmark(msgspec.Struct, frozen=True):
    """All that was measured on films not seen.

    Attributes:
        films_sha256: of the film table.
        settings: of the estimator that was measured.
        random: the five random splits.
        in_time: films after a year, predicted from those up to it.
        confusion: stars by most probable class over the random splits, [10][10].
        calibration: for each bin of the probability of the most probable class over the random
            splits: its mean, the accuracy, the number of films.
    """

    films_sha256: str
    settings: dict[str, float]
    random: tuple[SplitResult, ...]
    in_time: SplitResult
    invented: optimism.Invented
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[tuple[float, float, int], ...]

    def values(self, method: str, figure: str, part: str = "all") -> list[float]:
        """Return a figure on each of the random splits."""
        return [split.figures[method][part][figure] for split in self.random]

    def mean(self, method: str, figure: str, part: str = "all") -> float:
        """Return a figure's mean over the random splits."""
        return float(np.mean(self.values(method, figure, part)))

    def mean_optimism(self) -> dict[int, float]:
        """Return the optimism of the best of so many random test films, over the splits."""
        sizes = self.random[0].optimism
        return {n: float(np.mean([s.optimism[n] for s in self.random])) for n in sizes}


def save(folder: Path, benchmark: Benchmark) -> None:
    """Write the figures for later reports."""
    raw = msgspec.json.encode(benchmark)
    (folder / BENCHMARK).write_bytes(msgspec.json.format(raw, indent=1))


def load(folder: Path, sha256: str) -> Benchmark | None:
    """Return the figures saved for this very film table and estimator, if there are any."""
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


def run(films: Sequence[Film], sha256: str, *, jobs: int, progress: ProgressReporter) -> Benchmark:
    """Fit every method on every split and measure."""
    years = np.array([film.year for film in films])
    splits = [*random_splits(len(films)), split_in_time(years)]
    # The slowest begin first, so that no process is left alone at the end.
    order = sorted(METHODS, key=[MODEL, "random forest", *METHODS].index)
    tasks = [(None, _INVENTED), *((split, method) for method in order for split in splits)]
    running = Parallel(jobs, return_as="generator_unordered")(
        delayed(_task)(films, split, method) for split, method in tasks
    )
    progress("five random splits, one in time", 0.0)
    invented, found = optimism.Invented(np.nan, np.nan), {}
    for done, (name, method, result) in enumerate(running, 1):
        if isinstance(result, optimism.Invented):
            invented = result
        else:
            found[name, method] = result
        progress(f"{method} {name}", done / len(tasks))
    results = [_result(films, split, found) for split in splits]
    stars, predicted = _pooled(films, splits[:-1], found)
    return Benchmark(
        films_sha256=sha256,
        settings=settings(),
        random=tuple(results[:-1]),
        in_time=results[-1],
        invented=invented,
        confusion=confusion(stars, predicted.argmax(axis=1) + 1),
        calibration=tuple(calibration_bins(stars, predicted)),
    )


def _task(films: Sequence[Film], split: Split | None, method: str) -> tuple[str, str, Any]:
    if split is None:
        return "", method, optimism.of_invented(films)
    train, test = ([films[i] for i in rows] for rows in (split.train, split.test))
    return split.name, method, predict_with(method, train, test)


def _result(
    films: Sequence[Film], split: Split, found: dict[tuple[str, str], Predicted]
) -> SplitResult:
    stars = np.array([films[i].stars for i in split.test])
    return SplitResult(
        name=split.name,
        train=len(split.train),
        test=len(split.test),
        figures={method: found[split.name, method].figures for method in METHODS},
        optimism=optimism.of_slates(stars, found[split.name, MODEL].expected),
    )


def _pooled(
    films: Sequence[Film], splits: Sequence[Split], found: dict[tuple[str, str], Predicted]
) -> tuple[Ints, Any]:
    stars = [[films[i].stars for i in split.test] for split in splits]
    predicted = [found[split.name, MODEL].probabilities for split in splits]
    return np.concatenate(stars), np.concatenate(predicted)
