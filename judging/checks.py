"""The checks that a new model must pass in addition to the comparisons, each with its finding."""

from __future__ import annotations

import numpy as np

from data import limits
from data.verdict import Check
from judging.losses import Ints, calibration_error
from judging.paired import Predictions

# How much worse the mean distance of accuracy from probability may get.
CALIBRATION_MARGIN = 0.02


def learnt(stars: Ints, seen: Predictions, unseen: Predictions) -> Check:
    """Does the model predict the films it learnt from better than fits that never saw them?

    If not, the figures measured while it was fitted are not this file's.
    """
    of_file, of_folds = (
        float(np.sqrt(((model.expected - stars) ** 2).mean())) for model in (seen, unseen)
    )
    return Check(
        "learnt",
        passed=of_file <= of_folds,
        found=f"on the films it learnt from, the model's RMSE is {of_file:.3f}; fits that had not "
        f"seen them reach {of_folds:.3f}",
    )


def size(model_bytes: int) -> Check:
    """Does a device accept a file of this size?"""
    return Check(
        "size",
        passed=model_bytes <= limits.MAX_MODEL_BYTES,
        found=f"model.onnx has {model_bytes:,} bytes; {limits.MAX_MODEL_BYTES:,} are allowed",
    )


def calibration(stars: Ints, incumbent: Predictions, candidate: Predictions) -> Check:
    """Are the probabilities as accurate as the incumbent's?"""
    before, now = (
        calibration_error(stars, model.probabilities) for model in (incumbent, candidate)
    )
    return Check(
        "calibration",
        passed=now <= before + CALIBRATION_MARGIN,
        found=f"probabilities are off by {now:.3f} on average over {len(stars):,} films of the "
        f"table, the incumbent's by {before:.3f}; {CALIBRATION_MARGIN} more is allowed",
    )
