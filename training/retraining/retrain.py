"""Compact, fit, judge: from feedback to a verdict and the new model's bundle.

verdict.json, report.html           always
bundle/, arrays.npz                 for a model worth releasing
refused/bundle/, refused/...        for a refused one, so it isn't published by mistake
"""

from __future__ import annotations

import shutil
from pathlib import Path

from data import wire
from data.bundle import write_bundle
from data.durable import replace_durably
from data.manifest import ARRAYS, REPORT, Provenance
from data.signing import PrivateKey
from data.verdict import VERDICT, ModelIdentity, Verdict
from training.dataset import FilmTable
from training.errors import ExportRefused
from training.export.arrays import save_arrays
from training.export.bundle import prepare, saved_model, summary_of
from training.model.estimator import FilmModel
from training.progress import ProgressReporter, unreported
from training.report import draw as draw_model
from training.retraining.compact import compact
from training.retraining.judge import judge, refusal, too_few
from training.retraining.judged_model import BUNDLE, JudgedModel, read_judged_model
from training.retraining.looks import count_look
from training.retraining.report import draw
from training.retraining.training_set import TrainingSet
from training.sources.options import ALLOWED_BAD_SHARE

REFUSED = "refused"
SOURCE = "feedback"
_CANDIDATE = ".candidate"


def retrain(
    feedback: str,
    films: Path,
    incumbent: Path,
    out: Path,
    *,
    work: Path,
    version: int = 0,
    look: int = 0,
    key: PrivateKey | None = None,
    include_simulated: bool = False,
    hold_out: bool = True,
    endpoint_url: str | None = None,
    allowed_bad_share: float = ALLOWED_BAD_SHARE,
    jobs: int = 2,
    model: FilmModel | None = None,
    progress: ProgressReporter = unreported,
) -> Verdict:
    """Fit a new model to films and feedback, judge it, and write the result into `out`.

    Args:
        feedback: a folder, or `s3://bucket/feedback/`.
        films: the film table, .csv or .tsv.
        incumbent: the model in use, as read_judged_model takes it.
        out: the folder for verdict, report and bundle.
        work: compact's work folder.
        version: of the new model; 0 for one more than the incumbent's.
        look: the number of this look at the held-out ratings against the incumbent, from 1; 0 to
            count it in the work folder.
        key: signs the bundle; without one it is left unsigned.
        include_simulated: whether to learn from simulated ratings too.
        hold_out: as compact takes it. If all ratings train, the verdict is a first filter by film
            table and checks, for a judge who has other ratings.
        endpoint_url: S3's endpoint, if it isn't AWS's own.
        allowed_bad_share: the largest accepted share of bad rows, and of bad objects.
        jobs: parallel processes.
        model: the estimator, not yet fitted, if it isn't the usual one.
        progress: called with each step's name and the share of the work done before it.

    Raises:
        GreenlightError: no verdict could be reached; `out` is as it was.
    """
    old = read_judged_model(incumbent)
    number = version or old.manifest.version + 1
    found = compact(
        feedback,
        films,
        work,
        include_simulated=include_simulated,
        hold_out=hold_out,
        endpoint_url=endpoint_url,
        allowed_bad_share=allowed_bad_share,
        progress=lambda step, done: progress(step, 0.2 * done),
    )
    candidate = out / _CANDIDATE
    shutil.rmtree(candidate, ignore_errors=True)
    reason = too_few(found)
    if reason is not None:
        # The verdict is certain: a fit would take minutes and change nothing.
        verdict = refusal(found, ModelIdentity(number), old, reason)
    else:
        verdict = _fit_and_judge(
            candidate,
            found,
            old,
            incumbent,
            number,
            look or _look(work, old, found),
            key,
            model or FilmModel(jobs=jobs),
            progress,
        )
    new = read_judged_model(candidate) if candidate.exists() else None
    page = draw(verdict, found, old, new)
    _lay_out(out, candidate, verdict, page)
    return verdict


def _look(work: Path, old: JudgedModel, found: TrainingSet) -> int:
    """Count a look at the held-out ratings, if there are any here to look at."""
    if not found.manifest.holds_out:
        return 0
    return count_look(work, old.manifest.model_hash, found.manifest.sha256)


def _fit_and_judge(
    candidate: Path,
    found: TrainingSet,
    old: JudgedModel,
    incumbent: Path,
    version: int,
    look: int,
    key: PrivateKey | None,
    model: FilmModel,
    progress: ProgressReporter,
) -> Verdict:
    rows = found.training()
    table = FilmTable(SOURCE, rows.origin, rows.films, [], old.manifest.about)
    try:
        exported = prepare(
            table,
            model,
            version=version,
            provenance=Provenance(
                training_set=found.manifest.sha256, parent=old.manifest.model_hash
            ),
            progress=lambda step, done: progress(step, 0.2 + 0.6 * done),
        )
    except ExportRefused as error:
        return refusal(found, ModelIdentity(version), old, f"{error}.")
    candidate.mkdir(parents=True)
    page = draw_model(table, summary_of(exported), candidate)
    write_bundle(candidate / BUNDLE, exported.manifest, {**exported.files, REPORT: page}, key)
    save_arrays(candidate / ARRAYS, saved_model(exported))
    return judge(
        candidate,
        incumbent,
        found.folder,
        look=look,
        progress=lambda step, done: progress(step, 0.8 + 0.2 * done),
    )


def _lay_out(out: Path, candidate: Path, verdict: Verdict, page: bytes) -> None:
    """Move the candidate to the folder for its verdict, and remove an earlier run's files.

    The verdict is removed first and written last: nothing can be released without one.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / VERDICT).unlink(missing_ok=True)
    for place in (out / BUNDLE, out / REFUSED):
        shutil.rmtree(place, ignore_errors=True)
    (out / ARRAYS).unlink(missing_ok=True)
    if candidate.exists() and verdict.released:
        (candidate / BUNDLE).rename(out / BUNDLE)
        (candidate / ARRAYS).rename(out / ARRAYS)
        candidate.rmdir()
    elif candidate.exists():
        candidate.rename(out / REFUSED)
    replace_durably(out / REPORT, page)
    replace_durably(out / VERDICT, wire.encode(verdict))
