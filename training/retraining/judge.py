"""Is this new model worth releasing in place of the one in use?

Two comparisons:

- on the held-out ratings, which never train, with the two ONNX files as they ship. Where they are
  kept from training, on ratings that train, each predicted by a fold of the candidate's fit that
  hadn't seen it: they refuse nothing, and only say how much worse it may be on the film table;
- on the film table, where each film is predicted by a fold of the fit that hadn't seen it. Only on
  films by directors no owner has rated: where owners disagree with the table, the new model is
  meant to predict it worse.

This module reads the two models and scores the films; `judging` compares and decides.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

import data.held_out
import judging
from data.domain import Domain
from data.films import Film
from data.verdict import Comparison, ModelIdentity, Verdict
from judging.checks import calibration, learnt, size
from judging.losses import Ints
from judging.paired import Predictions
from training.errors import ArraysUnusable
from training.model.estimator import FilmModel
from training.model.records import frame_of_films, ratings_of
from training.progress import ProgressReporter, unreported
from training.retraining.checks import latency, parity
from training.retraining.judged_model import JudgedModel, read_judged_model
from training.retraining.training_set import TrainingSet

# Fewer films of the table aren't enough for a comparison.
_FEWEST_FILMS = 100


def judge(
    candidate: Path,
    incumbent: Path,
    training_set: Path,
    *,
    look: int = 1,
    progress: ProgressReporter = unreported,
) -> Verdict:
    """Compare two models and decide.

    Args:
        candidate: the new model's folder, as read_judged_model takes it.
        incumbent: the folder of the model in use.
        training_set: a folder that `compact` made.
        look: which look at the held-out ratings this is against the incumbent, from 1; it counts
            only if the training set holds ratings out.
        progress: called with each step's name and the share of the work done before it.

    Raises:
        BundleMissing: a folder holds no bundle.
        ArraysUnusable: the candidate's arrays cannot be used.
        SourceUnavailable: there is no such training set.
    """
    new, old = read_judged_model(candidate), read_judged_model(incumbent)
    films, about = TrainingSet(training_set), old.manifest.about
    reason = too_few(films)
    if reason is not None:
        return refusal(films, new.identity, old, reason)
    progress("compare on the ratings", 0.0)
    holds_out = films.manifest.holds_out
    comparisons, notes = _on_held_out(films, new, old, look, about) if holds_out else ([], [])
    if not holds_out:
        comparisons = _on_trained(films, new, old)
    progress("compare on the table", 0.3)
    table = films.table()
    unseen = _unseen(new, old, table)
    known = [table[row] for row in unseen.rows]
    stars = _stars_of(known)
    comparisons += _on_unrated(films, known, stars, unseen)
    progress("check parity, size, latency and calibration", 0.6)
    checks = (
        parity(new, table),
        learnt(stars, new.of(known), unseen.candidate, about),
        size(len(new.model)),
        latency(new, old, table),
        calibration(stars, unseen.incumbent, unseen.candidate, about),
    )
    decision, reasons = judging.decide(comparisons, checks, by_ratings=holds_out, about=about)
    return msgspec.structs.replace(
        refusal(films, new.identity, old, ""),
        decision=decision,
        reasons=(*reasons, *notes, *filter(None, [unseen.note])),
        look=look if holds_out else msgspec.UNSET,
        comparisons=tuple(comparisons),
        checks=checks,
    )


def too_few(films: TrainingSet) -> str | None:
    """Return why a training set has too few held-out ratings for judging, or None."""
    if not films.manifest.holds_out:
        return None
    counts = films.manifest.counts
    return data.held_out.too_few(counts.held_out, counts.held_out + counts.trained)


def refusal(
    films: TrainingSet, candidate: ModelIdentity, incumbent: JudgedModel, reason: str
) -> Verdict:
    """Return the verdict on a candidate that needn't be measured, or was never made."""
    return Verdict(
        decision="refuse",
        reasons=(reason,),
        name=incumbent.manifest.name,
        candidate=candidate,
        incumbent=incumbent.identity,
        training_set=films.manifest.sha256,
        counts=msgspec.structs.asdict(films.manifest.counts),
        comparisons=(),
        checks=(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _stars_of(films: list[Film]) -> Ints:
    """Return the films' stars, [n]."""
    return np.array([film.stars for film in films], np.int64)


def _on_held_out(
    films: TrainingSet, new: JudgedModel, old: JudgedModel, look: int, about: Domain
) -> tuple[list[Comparison], list[str]]:
    """Compare on the held-out ratings; return how it was done as well, in sentences."""
    held = films.held_out()
    directors = [film.director for film in held]
    clusters = judging.clusters_of(directors, films.held_out_things())
    comparisons = judging.compare(
        "feedback",
        _stars_of(held),
        old.of(held),
        new.of(held),
        clusters=clusters,
        alpha=judging.spent(look),
    )
    return comparisons, [judging.how_judged(len(clusters), look, about)]


def _on_trained(films: TrainingSet, new: JudgedModel, old: JudgedModel) -> list[Comparison]:
    """Compare on ratings that train: the candidate's folds against the incumbent's file."""
    rated, things = films.trained(), films.trained_things()
    rows, of_new = new.unseen(rated)
    known = [rated[row] for row in rows]
    if len(known) < data.held_out.FEWEST:
        return []
    clusters = judging.clusters_of([film.director for film in known], [things[row] for row in rows])
    return judging.compare("trained", _stars_of(known), old.of(known), of_new, clusters=clusters)


class _Unseen(NamedTuple):
    """Rows of the film table, and both models' predictions of each without having seen it."""

    rows: Ints
    incumbent: Predictions
    candidate: Predictions
    note: str


def _unseen(new: JudgedModel, old: JudgedModel, table: list[Film]) -> _Unseen:
    new_rows, of_new = new.unseen(table)
    note = ""
    try:
        old_rows, of_old = old.unseen(table)
        if len(np.intersect1d(new_rows, old_rows)) < _FEWEST_FILMS:
            note = "it learnt from another table"
    except ArraysUnusable as error:
        note = str(error)
    if note:
        refit = FilmModel().fit(frame_of_films(table), ratings_of(table))
        old_rows = np.arange(len(table))
        of_old = Predictions(refit.unseen_expected_, refit.unseen_probabilities_)
        note = f"The incumbent's recipe was fitted again for this table: {note}."
    rows, in_old, in_new = np.intersect1d(old_rows, new_rows, return_indices=True)
    return _Unseen(rows, of_old.take(in_old), of_new.take(in_new), note)


def _on_unrated(
    films: TrainingSet, known: list[Film], stars: Ints, unseen: _Unseen
) -> list[Comparison]:
    """Compare on films of the table whose directors no owner has rated, if there are enough."""
    rated = films.rated_directors()
    unrated = np.array([film.director not in rated for film in known], bool)
    if unrated.sum() < _FEWEST_FILMS:
        return []
    return judging.compare(
        "holdout", stars[unrated], unseen.incumbent.take(unrated), unseen.candidate.take(unrated)
    )
