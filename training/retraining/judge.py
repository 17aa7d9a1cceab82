"""The gate of a retraining: is this new model worth releasing in place of that one?

Two questions, each answered on films that neither model has learnt from:

- the held-out ratings, which never train, by the two ONNX files as they ship;
- the film table, each film as it was predicted by a fold of the fit that had not seen it. Only by
  directors whom no rating has told of: where owners think otherwise than the table does, to predict
  the table worse is what was learnt.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from data.films import Film
from data.verdict import Check, Comparison, Verdict
from data.verdict import Contender as Named
from training.errors import PipelineUnusable
from training.model.careers import Ints
from training.model.estimator import FilmModel
from training.model.records import frame_of_films, ratings_of
from training.progress import Tell
from training.retraining import checks, paired, rules
from training.retraining.contender import Contender, read_contender
from training.retraining.paired import Said
from training.retraining.training_set import TrainingSet

# Fewer films of the table say nothing.
_FEWEST_FILMS = 100


def judge(
    candidate: Path,
    incumbent: Path,
    training_set: Path,
    *,
    tell: Tell = lambda step, done: None,
) -> Verdict:
    """Compare two models and decide.

    Args:
        candidate: the new model's folder, as read_contender takes it.
        incumbent: that of the model in use.
        training_set: a folder that `compact` made.
        tell: told each step's name and the share of the work done before it.

    Raises:
        NoContender: a folder holds no bundle.
        PipelineUnusable: the candidate's pipeline cannot be read.
        SourceUnavailable: there is no such training set.
    """
    new, old = read_contender(candidate), read_contender(incumbent)
    films = TrainingSet(training_set)
    held = films.held_out()
    named = Named(new.manifest.version, new.manifest.model_hash)
    reason = too_few(films)
    if reason is not None:
        return refusal(films, named, old, reason)
    tell("compare on the held-out ratings", 0.0)
    comparisons = paired.compare("feedback", stars_of(held), old.of(held), new.of(held))
    tell("compare on the film table", 0.3)
    table = films.table()
    rows, unseen, note = _unseen(new, old, table, films.manifest.films_sha256)
    stars = stars_of(table)[rows]
    rated = films.rated_directors()
    untold = np.array([table[row].director not in rated for row in rows])
    if untold.sum() >= _FEWEST_FILMS:
        comparisons += paired.compare(
            "holdout", stars[untold], *(said.take(untold) for said in unseen)
        )
    tell("check parity, size, latency and calibration", 0.6)
    seen = new.of([table[row] for row in rows])
    found = (
        checks.parity(new, table),
        checks.learnt(stars, seen, unseen[1]),
        checks.size(new),
        checks.latency(new, old, table),
        checks.calibration(stars, candidate=unseen[1], incumbent=unseen[0]),
    )
    return _verdict(films, named, old, comparisons, found, note)


def too_few(films: TrainingSet) -> str | None:
    """Return why a training set has too few held-out ratings to judge by, or None."""
    counts = films.manifest.counts
    return rules.too_few(counts.held_out, counts.held_out + counts.trained)


def refusal(films: TrainingSet, candidate: Named, incumbent: Contender, reason: str) -> Verdict:
    """Return the verdict on a candidate that need not be measured, or was never made."""
    return Verdict(
        decision="refuse",
        reasons=(reason,),
        name=incumbent.manifest.name,
        candidate=candidate,
        incumbent=Named(incumbent.manifest.version, incumbent.manifest.model_hash),
        training_set=films.manifest.sha256,
        counts=msgspec.structs.asdict(films.manifest.counts),
        comparisons=(),
        checks=(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _verdict(
    films: TrainingSet,
    candidate: Named,
    incumbent: Contender,
    comparisons: list[Comparison],
    found: tuple[Check, ...],
    note: str,
) -> Verdict:
    decision, reasons = rules.decide(comparisons, found)
    return msgspec.structs.replace(
        refusal(films, candidate, incumbent, ""),
        decision=decision,
        reasons=(*reasons, note) if note else reasons,
        comparisons=tuple(comparisons),
        checks=found,
    )


def stars_of(films: list[Film]) -> Ints:
    """Return the films' stars, [n]."""
    return np.array([film.stars for film in films], np.int64)


def _unseen(
    new: Contender, old: Contender, table: list[Film], films_sha256: str
) -> tuple[Ints, tuple[Said, Said], str]:
    """Return rows of the table, what incumbent and candidate said of them unseen, and a note."""
    new_rows, new_said = new.unseen(table, films_sha256)
    note = ""
    try:
        old_rows, old_said = old.unseen(table, films_sha256)
        if len(np.intersect1d(new_rows, old_rows)) < _FEWEST_FILMS:
            note = "it learnt from another film table"
    except PipelineUnusable as error:
        note = str(error)
    if note:
        refit = FilmModel().fit(frame_of_films(table), ratings_of(table))
        old_rows = np.arange(len(table))
        old_said = Said(refit.unseen_expected_, refit.unseen_probabilities_)
        note = f"For the film table the incumbent's recipe was fitted anew: {note}."
    rows, of_old, of_new = np.intersect1d(old_rows, new_rows, return_indices=True)
    return (
        rows,
        (
            old_said.take(of_old),
            new_said.take(of_new),
        ),
        note,
    )
