"""The checks that need scikit-learn or ONNX Runtime; `judging.checks` has the others."""

from __future__ import annotations

import judging.checks
from data import limits
from data.films import Film
from data.verdict import Check
from training.errors import ExportRefused
from training.export.parity import check_file, check_parity
from training.model.records import frame_of_films
from training.retraining.judged_model import JudgedModel

_COMBINATIONS = 5_000
_TIMED_ROWS = 8_192


def parity(candidate: JudgedModel, table: list[Film]) -> Check:
    """Does the file predict the same as the scikit-learn model, and do devices accept it?"""
    model = candidate.saved.model
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
        found=f"scikit-learn and ONNX differ by {found.expected:.6f} of 10 at most over "
        f"{found.rows:,} rows and {found.combinations:,} combinations; "
        f"{limits.ROUNDING_TOLERANCE} is allowed",
    )


def latency(candidate: JudgedModel, incumbent: JudgedModel, table: list[Film]) -> Check:
    """Does scoring a row take about as long as with the incumbent, in processor time?"""
    rows = frame_of_films((table * (1 + _TIMED_ROWS // len(table)))[:_TIMED_ROWS])
    return judging.checks.latency(
        lambda: incumbent.scorer.score(rows), lambda: candidate.scorer.score(rows)
    )
