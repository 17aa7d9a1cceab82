"""The judge's ONNX Runtime: only our models load, and only predictions come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from data.films import Combination
from data.manifest import MODEL
from lambdas.judge_model.scorer import Unscorable, UntrustedModel
from training.export.runtime import Scorer

ROW = Combination("Director 0001", 1990, ("Drama",))
COLUMNS = ("director", "year", "genre1", "genre2", "genre3")


def model(expected: str, probability: float = 0.1, columns: tuple[str, ...] = COLUMNS) -> bytes:
    """Return a model whose expected stars are `zero divided by zero`, or such."""
    kinds = {name: TensorProto.INT64 if name == "year" else TensorProto.STRING for name in columns}
    inputs = [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in kinds.items()]
    outputs = [
        helper.make_tensor_value_info("expected", TensorProto.FLOAT, [None, 1]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 10]),
    ]
    constants = [
        numpy_helper.from_array(np.full(shape, value, np.float32), name)
        for name, shape, value in (
            ("zero", (1, 1), 0.0),
            ("one", (1, 1), 1.0),
            ("ten", (1, 10), probability),
        )
    ]
    dividend, divisor = expected.split("/")
    nodes = [
        helper.make_node("Cast", ["year"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", dividend], ["above"]),
        helper.make_node("Add", ["nothing", divisor], ["below"]),
        helper.make_node("Div", ["above", "below"], ["expected"]),
        helper.make_node("Add", ["nothing", "ten"], ["probabilities"]),
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs, constants)
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    )
    made.ir_version = 8
    onnx.checker.check_model(made)
    content: bytes = made.SerializeToString()
    return content


def test_it_predicts_as_training_does(example: Path) -> None:
    raw = (example / MODEL).read_bytes()
    rows = [Combination(f"Director {n:04d}", 1950 + n, ("Crime", "Drama")) for n in range(60)]
    found = UntrustedModel(raw).predict(rows, batch=7)
    table = [(row.director, row.year, *row.genres, "None") for row in rows]
    scores = Scorer(raw).score(table)
    assert (found.expected == scores.expected.astype(float)).all()
    assert np.allclose(found.probabilities, scores.probabilities, atol=1e-6)


def test_a_made_up_model_that_predicts_is_one() -> None:
    """Otherwise the refusals below would prove nothing."""
    assert UntrustedModel(model("one/one")).predict([ROW, ROW]).expected.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("expected", "probability"),
    [("zero/zero", 0.1), ("one/zero", 0.1), ("one/one", 0.2), ("one/one", float("nan"))],
    ids=["NaN", "infinite", "too probable", "NaN probable"],
)
def test_numbers_that_are_not_predictions_are_refused(expected: str, probability: float) -> None:
    with pytest.raises(Unscorable, match="isn't a prediction"):
        UntrustedModel(model(expected, probability)).predict([ROW])


def test_other_inputs_than_our_models_have_are_refused() -> None:
    with pytest.raises(Unscorable, match="inputs or outputs"):
        UntrustedModel(model("one/one", columns=("director", "year")))


@pytest.mark.parametrize("raw", [b"", b"not ONNX at all", b"\x00" * 1_000])
def test_a_file_that_is_not_onnx_is_refused_by_the_graph_rule(raw: bytes) -> None:
    with pytest.raises(Unscorable, match=r"^model\.onnx: "):
        UntrustedModel(raw)
