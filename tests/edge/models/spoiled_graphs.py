"""Graphs, probes and catalogues with one defect each, in otherwise sound bundles."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from data.manifest import CATALOGUE, MODEL, PROBES

Files = dict[str, bytes]
Spoil = Callable[[Files], Files]


def graph(change: Callable[[onnx.ModelProto], None]) -> Spoil:
    """A bundle whose graph was changed."""

    def spoil(files: Files) -> Files:
        model = onnx.load_model_from_string(files[MODEL])
        change(model)
        return {MODEL: model.SerializeToString()}

    return spoil


def document(name: str, change: Callable[[dict], None]) -> Spoil:
    """A bundle whose JSON document was changed."""

    def spoil(files: Files) -> Files:
        content = json.loads(files[name])
        change(content)
        return {name: json.dumps(content).encode()}

    return spoil


def constant(model: onnx.ModelProto, name: str, value: object) -> str:
    own = f"bad_{name}"
    model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), own))
    return own


def after(model: onnx.ModelProto, output: str, *nodes: onnx.NodeProto) -> None:
    """Let nodes that read `before` and write `output` stand behind an output of the graph."""
    for node in model.graph.node:
        for place, name in enumerate(node.output):
            if name == output:
                node.output[place] = "before"
    model.graph.node.extend(nodes)


def nan_everywhere(model: onnx.ModelProto) -> None:
    nan = constant(model, "nan", np.float32("nan"))
    after(model, "expected", helper.make_node("Add", ["before", nan], ["expected"]))


def nan_in_one_year(files: Files) -> Files:
    """NaN only in rows that no probe covers."""
    probed = {probe["combination"]["year"] for probe in json.loads(files[PROBES])["probes"]}
    first, last = json.loads(files[CATALOGUE])["years"]
    free = [year for year in range(first, last + 1) if year not in probed]
    model = onnx.load_model_from_string(files[MODEL])
    year = constant(model, "free_year", np.array([[free[0]]], np.int64))
    one, minus_one = constant(model, "one", np.int64(1)), constant(model, "less", np.float32(-1))
    zero = constant(model, "nothing", np.float32(0))
    after(
        model,
        "expected",
        helper.make_node("Sub", ["year", year], ["apart"]),
        helper.make_node("Mul", ["apart", "apart"], ["squared"]),
        helper.make_node("Min", ["squared", one], ["other_year"]),
        helper.make_node("Cast", ["other_year"], ["divisor"], to=TensorProto.FLOAT),
        # 0 / 0 in that year, 0 / 1 in all others.
        helper.make_node("Div", [zero, "divisor"], ["nan_or_nothing"]),
        helper.make_node("Mul", ["nan_or_nothing", minus_one], ["nothing_or_nan"]),
        helper.make_node("Add", ["before", "nothing_or_nan"], ["expected"]),
    )
    return {MODEL: model.SerializeToString()}


def doubled_probabilities(files: Files) -> Files:
    """Probabilities that add up to two."""
    model = onnx.load_model_from_string(files[MODEL])
    two = constant(model, "two", np.float32(2))
    after(model, "probabilities", helper.make_node("Mul", ["before", two], ["probabilities"]))
    return {MODEL: model.SerializeToString()}


def foreign_operator(model: onnx.ModelProto) -> None:
    node = helper.make_node("Gelu", ["before"], ["expected"], domain="com.microsoft")
    after(model, "expected", node)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def unknown_operator(model: onnx.ModelProto) -> None:
    after(model, "expected", helper.make_node("Frobnicate", ["before"], ["expected"]))


def own_function(model: onnx.ModelProto) -> None:
    body = [helper.make_node("Identity", ["x"], ["y"])]
    opsets = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("", "F", ["x"], ["y"], body, opsets))
    after(model, "expected", helper.make_node("F", ["before"], ["expected"]))


def external_data(model: onnx.ModelProto) -> None:
    tensor = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../../../etc/passwd"


def external_data_in_an_attribute(model: onnx.ModelProto) -> None:
    tensor = TensorProto(dims=[1], data_type=TensorProto.FLOAT)
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    outside = helper.make_node("Constant", [], ["outside"], value=tensor)
    after(model, "expected", outside, helper.make_node("Add", ["before", "outside"], ["expected"]))


def without_output(name: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        (gone,) = [output for output in model.graph.output if output.name == name]
        model.graph.output.remove(gone)

    return change


def renamed_input(model: onnx.ModelProto) -> None:
    for given in model.graph.input:
        if given.name == "director":
            given.name = "filmmaker"
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == "director":
                node.input[place] = "filmmaker"


def endless(model: onnx.ModelProto) -> None:
    """Three hundred products of large matrices, of operators that every model has."""
    side = 3000
    column = constant(model, "column", np.full((side, 1), 1e-4, np.float32))
    row = constant(model, "row", np.ones((1, side), np.float32))
    nodes = [helper.make_node("Mul", [column, row], ["power0"])]
    nodes += [
        helper.make_node("MatMul", [f"power{n}", "power0"], [f"power{n + 1}"]) for n in range(300)
    ]
    after(model, "expected", *nodes, *_nothing_of(model, "power300"))


def greedy(model: onnx.ModelProto) -> None:
    """Forty gigabytes, although only one number is needed."""
    column = constant(model, "column", np.ones((100_000, 1), np.float32))
    row = constant(model, "row", np.ones((1, 100_000), np.float32))
    nodes = [helper.make_node("Mul", [column, row], ["gigabytes"])]
    after(model, "expected", *nodes, *_nothing_of(model, "gigabytes"))


def _nothing_of(model: onnx.ModelProto, name: str) -> list[onnx.NodeProto]:
    """Nodes that add zero times a matrix's largest number to what is expected."""
    axes = constant(model, "axes", np.array([0, 1], np.int64))
    zero = constant(model, "zero", np.float32(0))
    return [
        helper.make_node("ReduceMax", [name, axes], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", zero], ["nothing"]),
        helper.make_node("Add", ["before", "nothing"], ["expected"]),
    ]


def other_table(model: onnx.ModelProto) -> None:
    """A table for the search that is not the one the graph adds up."""
    level = constant(model, "level", np.int16(4000))
    after(
        model,
        "table_director_year",
        helper.make_node("Add", ["before", level], ["table_director_year"]),
    )


def off_by_one_bit(probes: dict) -> None:
    probe = probes["probes"][5]
    probe["expected"] += 2.0**-12


def off_probability(probes: dict) -> None:
    chances = probes["probes"][5]["probabilities"]
    chances[6], chances[7] = chances[6] + 0.01, chances[7] - 0.01


def hurried(probes: dict) -> None:
    probes["seconds"] = 1e-9


def unsorted_directors(catalogue: dict) -> None:
    catalogue["directors"].reverse()
