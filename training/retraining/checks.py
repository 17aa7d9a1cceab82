"""What a new model must hold besides its figures: each check says what it found."""

from __future__ import annotations

import time

import numpy as np

from data import limits
from data.films import Film
from data.verdict import Check
from training.errors import ExportRefused
from training.evaluation.metrics import calibration_error
from training.export.parity import check_file, check_parity
from training.model.careers import Ints
from training.model.records import frame_of_films
from training.retraining.contender import Contender
from training.retraining.paired import Said

# How much worse the mean distance of accuracy from probability may get.
CALIBRATION_MARGIN = 0.02
# How much slower than the incumbent a row may be scored: tables of one form differ by noise alone.
SLOWER = 2.0
_COMBINATIONS = 5_000
_TIMED_ROWS = 8_192
_TIMES = 7


def parity(candidate: Contender, table: list[Film]) -> Check:
    """Does the file say what the scikit-learn model says, and is it a file that devices take?"""
    model = candidate.pipeline.model
    try:
        check_file(candidate.model)
        found = check_parity(
            model, candidate.model, frame_of_films(table), combinations=_COMBINATIONS
        )
    except ExportRefused as error:
        return Check("parity", passed=False, found=str(error))
    return Check(
        "parity",
        passed=True,
        found=f"scikit-learn and ONNX differ by {found.expected:.6f} stars at most over "
        f"{found.rows:,} films and {found.combinations:,} combinations; "
        f"{limits.ROUNDING_TOLERANCE} are allowed",
    )


def learnt(stars: Ints, seen: Said, unseen: Said) -> Check:
    """Does the file know the films it learnt from better than a model that never saw them?

    If not, the figures measured while it was fitted are not this file's.
    """
    of_file, of_folds = (
        float(np.sqrt(((said.expected - stars) ** 2).mean())) for said in (seen, unseen)
    )
    return Check(
        "learnt",
        passed=of_file <= of_folds,
        found=f"the file's RMSE on the films it learnt from is {of_file:.3f}; that of fits that "
        f"had not seen them is {of_folds:.3f}",
    )


def size(candidate: Contender) -> Check:
    """Is the file one that a device accepts?"""
    return Check(
        "size",
        passed=len(candidate.model) <= limits.MAX_MODEL_BYTES,
        found=f"model.onnx has {len(candidate.model):,} bytes; {limits.MAX_MODEL_BYTES:,} are "
        "allowed",
    )


def latency(candidate: Contender, incumbent: Contender, table: list[Film]) -> Check:
    """Is a row scored as quickly as by the incumbent? Side by side, in processor time."""
    rows = frame_of_films((table * (1 + _TIMED_ROWS // len(table)))[:_TIMED_ROWS])
    least = [float("inf"), float("inf")]
    for _ in range(_TIMES):
        for place, contender in enumerate((incumbent, candidate)):
            began = time.thread_time()
            contender.scorer.score(rows)
            least[place] = min(least[place], time.thread_time() - began)
    ratio = least[1] / least[0]
    return Check(
        "latency",
        passed=ratio <= SLOWER,
        found=f"a row takes {ratio:.2f} times the incumbent's time; {SLOWER:.0f} times are allowed",
    )


def calibration(stars: Ints, candidate: Said, incumbent: Said) -> Check:
    """Are the probabilities as true as the incumbent's?"""
    errors = [calibration_error(stars, said.probabilities) for said in (candidate, incumbent)]
    return Check(
        "calibration",
        passed=errors[0] <= errors[1] + CALIBRATION_MARGIN,
        found=f"probabilities are off by {errors[0]:.3f} on average over {len(stars):,} films of "
        f"the table, the incumbent's by {errors[1]:.3f}; {CALIBRATION_MARGIN} more are allowed",
    )
