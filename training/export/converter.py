"""The converter of FilmModel, registered with skl2onnx; the only module that uses skl2onnx.

A fitted model is compiled to tables (`compile`), and those are written as a graph from raw records
to stars (`model_graph`).
"""

from __future__ import annotations

from typing import Any

from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import (
    FloatTensorType,
    Int16TensorType,
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
    UInt8TensorType,
)

from training.export.compile import compile_model
from training.export.graph_writer import ML_DOMAIN, ML_OPSET, OPSET, GraphWriter
from training.export.model_graph import ModelGraph
from training.model.estimator import FilmModel
from training.model.head import CLASSES

INPUTS = ("director", "year", "genre1", "genre2", "genre3")
OUTPUTS: dict[str, Any] = {
    "expected": FloatTensorType([None, 1]),
    "score": Int32TensorType([None, 1]),
    "probabilities": FloatTensorType([None, CLASSES]),
    "table_director_year": Int16TensorType([None, None]),
    "table_director_genres": Int16TensorType([None]),
    "table_year_genres": Int16TensorType([None, None]),
    "table_director_genre": Int16TensorType([None, None]),
    "table_director_level": Int16TensorType([None, None]),
    "table_own_genre": UInt8TensorType([None, None]),
    "table_offset": Int64TensorType([None]),
    "table_set_level": Int64TensorType([None]),
    "table_constant": Int32TensorType([1]),
}
_NAME = "greenlight"


def to_onnx(model: FilmModel) -> bytes:
    """Return the ONNX file of a fitted model.

    Raises:
        TableOverflow: the model doesn't fit into 16-bit tables.
    """
    update_registered_converter(
        FilmModel, "GreenlightFilmModel", _declare_shapes, _convert, parser=_parse, overwrite=True
    )
    text = StringTensorType([None, 1])
    kinds = [Int64TensorType([None, 1]) if name == "year" else text for name in INPUTS]
    converted = convert_sklearn(
        model,
        name=_NAME,
        initial_types=list(zip(INPUTS, kinds, strict=True)),
        target_opset={"": OPSET, ML_DOMAIN: ML_OPSET},
    )
    # skl2onnx collects opsets in a set, whose order changes from process to process.
    opsets = sorted(converted.opset_import, key=lambda opset: opset.domain)
    del converted.opset_import[:]
    converted.opset_import.extend(opsets)
    content: bytes = converted.SerializeToString(deterministic=True)
    return content


def _parse(scope: Any, model: FilmModel, inputs: list[Any], custom_parsers: Any = None) -> Any:
    operator = scope.declare_local_operator("GreenlightFilmModel", model)
    operator.inputs = inputs
    for name, kind in OUTPUTS.items():
        operator.outputs.append(scope.declare_local_variable(name, kind))
    return operator.outputs


def _declare_shapes(operator: Any) -> None:
    if [variable.raw_name for variable in operator.inputs] != list(INPUTS):
        raise ValueError(f"give the inputs {', '.join(INPUTS)} in this order")


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model: FilmModel = operator.raw_operator
    outputs = dict(zip(OUTPUTS, (v.full_name for v in operator.outputs), strict=True))
    inputs = dict(zip(INPUTS, (v.full_name for v in operator.inputs), strict=True))
    ModelGraph(GraphWriter(scope, container), compile_model(model), outputs).write(
        inputs, model.head_
    )
