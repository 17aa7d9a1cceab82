"""The checks that a new model must pass in addition to the comparisons, each with its finding."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from data import limits
from data.domain import FILMS, Domain
from data.verdict import Check
from judging.losses import Ints, calibration_error
from judging.paired import Predictions
from judging.release import SHARE_OF_GAIN

# How much worse the mean distance of accuracy from probability may get.
CALIBRATION_MARGIN = 0.02
# How much slower scoring a row may be than with the incumbent. Tables of one shape differ only by
# noise.
SLOWER = 2.0
_TIMES = 7
# How much worse a model may fit the film table, which it and the incumbent have learnt from: room
# for owners who disagree with it, none for a model that forgot it. A large proven gain on their
# ratings allows more, as it does in the comparisons.
FAMILIAR_MARGIN = 0.15


def learnt(stars: Ints, seen: Predictions, unseen: Predictions, about: Domain = FILMS) -> Check:
    """Does the model predict the films it learnt from better than fits that never saw them?

    If not, the figures measured while it was fitted are not this file's.
    """
    of_file, of_folds = (_rmse(stars, model) for model in (seen, unseen))
    return Check(
        "learnt",
        passed=of_file <= of_folds,
        found=about.say(
            "on the films it learnt from, the model's RMSE is {file:.3f}; fits that had not seen "
            "them reach {folds:.3f}",
            file=about.outcome.difference(of_file),
            folds=about.outcome.difference(of_folds),
        ),
    )


def size(model_bytes: int) -> Check:
    """Does a device accept a file of this size?"""
    return Check(
        "size",
        passed=model_bytes <= limits.MAX_MODEL_BYTES,
        found=f"model.onnx has {model_bytes:,} bytes; {limits.MAX_MODEL_BYTES:,} are allowed",
    )


def calibration(
    stars: Ints, incumbent: Predictions, candidate: Predictions, about: Domain = FILMS
) -> Check:
    """Are the probabilities as accurate as the incumbent's?"""
    before, now = (
        calibration_error(stars, model.probabilities) for model in (incumbent, candidate)
    )
    return Check(
        "calibration",
        passed=now <= before + CALIBRATION_MARGIN,
        found=about.say(
            "probabilities are off by {now:.3f} on average over {count:,} films of the table, the "
            "incumbent's by {before:.3f}; {margin} more is allowed",
            now=now,
            count=len(stars),
            before=before,
            margin=CALIBRATION_MARGIN,
        ),
    )


def familiar(
    stars: Ints,
    incumbent: Predictions,
    candidate: Predictions,
    gain: float = 0.0,
    about: Domain = FILMS,
) -> Check:
    """Does the model still predict the films that it and the incumbent learnt from?

    A judge that has no fits which hadn't seen these films can't do better. It refuses what ruins
    the table, not what ruins a few films of it.

    Args:
        stars: of the films, [n].
        incumbent: the model in use on them.
        candidate: the new one.
        gain: by how many stars the RMSE on the held-out ratings is proven to be better.
        about: in whose words and on whose scale the finding is given.
    """
    allowed = max(FAMILIAR_MARGIN, SHARE_OF_GAIN * gain)
    before, now = (_rmse(stars, model) for model in (incumbent, candidate))
    return Check(
        "familiar",
        passed=now <= before + allowed,
        found=about.say(
            "on {count:,} films of the table, the model's RMSE is {now:.3f} and the incumbent's "
            "{before:.3f}, both having learnt from them; {allowed:.2f} more is allowed",
            count=len(stars),
            now=about.outcome.difference(now),
            before=about.outcome.difference(before),
            allowed=about.outcome.difference(allowed),
        ),
    )


def latency(incumbent: Callable[[], object], candidate: Callable[[], object]) -> Check:
    """Does scoring take about as long as with the incumbent, in processor time?

    Args:
        incumbent: scores some rows, the same at each call.
        candidate: scores the same rows.
    """
    least = [float("inf"), float("inf")]
    for _ in range(_TIMES):
        for place, score in enumerate((incumbent, candidate)):
            began = time.thread_time()
            score()
            least[place] = min(least[place], time.thread_time() - began)
    ratio = least[1] / least[0]
    return Check(
        "latency",
        passed=ratio <= SLOWER,
        found=f"a row takes {ratio:.2f} times as long as with the incumbent; "
        f"{SLOWER:.0f} times is allowed",
    )


def _rmse(stars: Ints, model: Predictions) -> float:
    return float(np.sqrt(((model.expected - stars) ** 2).mean()))
