"""The ordinal head as ONNX nodes; `training.model.head` states its mathematics.

Floats are allowed here: probabilities agree to 1e-6, while `score` and `expected` are exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from training.export.graph import GraphWriter
from training.model.careers import Floats
from training.model.head import CLASSES, FLOOR, MAX_LOG_SCALE, OrdinalHead


def write_head(
    g: GraphWriter,
    head: OrdinalHead,
    director_inputs: Floats,
    *,
    expected: str,
    director: str,
    probabilities: str,
) -> None:
    """Write the head's nodes.

    Args:
        g: where to.
        head: a fitted head.
        director_inputs: what it wants to know of each director, [D + 1, inputs - 2].
        expected: name of the expected stars, [N, 1].
        director: name of the directors' numbers, [N, 1].
        probabilities: name of the output, [N, 10].
    """

    def const(name: str, values: Any) -> str:
        return g.constant(name, np.asarray(values, np.float32))

    rows = g.node("Squeeze", [director, g.integer("axis1", [1])], "director_rows")
    of_director = g.node("Gather", [
        const("head_director", director_inputs), rows
    ], "head_director_inputs", axis=0)  # fmt: skip
    squared = g.node("Mul", [expected, expected], "expected_squared")
    x = g.node("Concat", [expected, squared, of_director], "head_x", axis=1)
    centred = g.node("Sub", [x, const("head_mean", head.mean)], "head_centred")
    z = g.node("Div", [centred, const("head_scale", head.scale)], "head_z")
    location = g.node("MatMul", [z, const("head_b", head.location[:, None])], "head_location")
    log_scale = g.node("MatMul", [z, const("head_c", head.log_scale[:, None])], "head_s")
    low, high = const("head_low", -MAX_LOG_SCALE), const("head_high", MAX_LOG_SCALE)
    narrow = g.node("Neg", [g.node("Clip", [log_scale, low, high], "head_clipped")], "head_neg")
    apart = g.node("Sub", [const("head_cuts", head.cuts[None]), location], "head_apart")
    logit = g.node("Mul", [apart, g.node("Exp", [narrow], "head_exp")], "head_logit")
    below = g.node("Sigmoid", [logit], "head_below")
    # P(stars <= 0) = 0 and P(stars <= 10) = 1, made from a column so that they have N rows.
    zero = g.node("Mul", [expected, const("head_zero", 0.0)], "head_zeros")
    one = g.node("Add", [zero, const("head_one", 1.0)], "head_ones")
    upper = g.node("Concat", [below, one], "head_upper", axis=1)
    lower = g.node("Concat", [zero, below], "head_lower", axis=1)
    plain = g.node("Sub", [upper, lower], "head_plain")
    kept = g.node("Mul", [plain, const("head_kept", 1.0 - CLASSES * FLOOR)], "head_kept_part")
    g.write("Add", [kept, const("head_floor", FLOOR)], probabilities)
