"""Checks that the scikit-learn model and its ONNX file agree, before an export."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import onnx
import pandas as pd
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from data import limits
from training.errors import ModelTooLarge, NoParity, NotAModel, UnknownOperator
from training.export.graph_writer import ML_DOMAIN
from training.export.runtime import Scorer
from training.model.combinations import random_combinations
from training.model.estimator import FilmModel
from training.model.records import COLUMNS

RANDOM_COMBINATIONS = 50_000
HEAD_TOLERANCE = 1e-5
_SINGLE_ROWS = 1_000
_ODD_BATCH = 37

# The converter's operators. Any other hasn't been proven exact in every batch.
OPERATORS = {
    ("", name)
    for name in (
        "Add", "Cast", "Clip", "Concat", "Div", "Exp", "Gather", "Identity", "MatMul", "Max",
        "Min", "Mul", "Neg", "ReduceMax", "ReduceMin", "ReduceSum", "Reshape", "Sigmoid",
        "Squeeze", "Sub",
    )
} | {(ML_DOMAIN, "LabelEncoder")}  # fmt: skip


class Parity(msgspec.Struct, frozen=True):
    """How closely the ONNX file matches the scikit-learn model.

    Attributes:
        rows: training rows compared, all of them.
        combinations: random combinations compared.
        expected: the largest difference of expected stars; only rounding is allowed.
        probabilities: the largest difference from the head computed of the same expected stars.
        bit_differences: rows whose expected stars differ between single rows, batches and threads.
    """

    rows: int
    combinations: int
    expected: float
    probabilities: float
    bit_differences: int


def check_file(model: bytes) -> None:
    """Refuse a file that is too large or uses operators that aren't proven exact.

    Raises:
        ModelTooLarge, NotAModel, UnknownOperator: with what to do about it.
    """
    if len(model) > limits.MAX_MODEL_BYTES:
        raise ModelTooLarge(
            f"model.onnx has {len(model):,} bytes; a device accepts {limits.MAX_MODEL_BYTES:,}. "
            "Train on fewer directors, or leave out those with a single film"
        )
    try:
        graph = onnx.load_from_string(model)
        onnx.checker.check_model(graph)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise NotAModel(f"model.onnx isn't a valid ONNX file: {error}") from error
    unknown = {(n.domain, n.op_type) for n in graph.graph.node} - OPERATORS
    if unknown:
        names = ", ".join(sorted(f"{domain or 'ai.onnx'}:{name}" for domain, name in unknown))
        raise UnknownOperator(
            f"model.onnx uses {names}, which isn't proved exact for every batch and thread count"
        )


def check_parity(
    model: FilmModel, onnx_model: bytes, rows: Any, *, combinations: int = RANDOM_COMBINATIONS
) -> Parity:
    """Compare the model with its ONNX file on all `rows` and on random combinations.

    Raises:
        NoParity: if they differ by more than rounding, or if bits depend on batch or threads.
    """
    one, two = Scorer(onnx_model, threads=1), Scorer(onnx_model, threads=2)
    asked = pd.concat(
        [pd.DataFrame(rows)[[*COLUMNS]], random_combinations(model, combinations)],
        ignore_index=True,
    )
    scores = one.score(asked)
    features = model.features(asked)
    # In double precision, at the same expected stars: this is the head's own error alone.
    head = model.head_.probabilities(scores.expected.astype(float), model.head_inputs(features))
    found = Parity(
        rows=len(asked) - combinations,
        combinations=combinations,
        expected=float(np.abs(model.predict_features(features) - scores.expected).max()),
        probabilities=float(np.abs(head - scores.probabilities).max()),
        bit_differences=_bit_differences(asked, scores.expected, one, two),
    )
    if not found.expected < limits.ROUNDING_TOLERANCE:
        raise NoParity(
            f"scikit-learn and ONNX differ by {found.expected:.6f} expected stars; rounding "
            f"explains less than {limits.ROUNDING_TOLERANCE}"
        )
    if not found.probabilities <= HEAD_TOLERANCE:
        raise NoParity(
            f"the probabilities differ by {found.probabilities:.2e} from the head's; "
            f"{HEAD_TOLERANCE:.0e} is allowed"
        )
    if found.bit_differences:
        raise NoParity(
            f"{found.bit_differences} expected stars have other bits in another batch or thread"
        )
    return found


def _bit_differences(
    asked: pd.DataFrame, expected: NDArray[np.float32], one: Scorer, two: Scorer
) -> int:
    """Return how many rows score differently when alone, in odd batches or on two threads."""
    bits = expected.view(np.int32)
    different = bits != two.score(asked, batch=len(asked)).expected.view(np.int32)
    different |= bits != one.score(asked, batch=_ODD_BATCH).expected.view(np.int32)
    some = np.linspace(0, len(asked) - 1, min(_SINGLE_ROWS, len(asked))).astype(int)
    for scorer in (one, two):
        alone = scorer.score(asked.iloc[some], batch=1).expected.view(np.int32)
        different[some] |= bits[some] != alone
    return int(different.sum())
