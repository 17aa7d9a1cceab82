"""The graph rule: what our converter writes passes, and nothing else does."""

import re
from pathlib import Path

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from data import graph_rule
from data.graph_rule import ForbiddenGraph, check_graph

from .graph_mutations import (
    compare,
    field,
    group,
    padded,
    passes,
    reference_forbids,
    shortened,
    surplus,
    varint,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> bytes:
    """The converter's file of a small model."""
    from training.export.example_bundle import make_example_bundle

    folder = tmp_path_factory.mktemp("graph")
    return make_example_bundle(folder / "bundle", directors=20).model_bytes


@pytest.fixture(scope="module")
def short(converted) -> bytes:
    return shortened(converted)


def test_the_allowed_parts_are_those_that_the_converter_writes(converted):
    check_graph(converted)
    proto = onnx.ModelProto.FromString(converted)
    written: dict[tuple[str, str], set[str]] = {}
    for node in proto.graph.node:
        names = written.setdefault((node.domain, node.op_type), set())
        names.update(attribute.name for attribute in node.attribute)
    assert written == graph_rule.OPERATORS
    assert {opset.domain: opset.version for opset in proto.opset_import} == graph_rule.OPSETS
    assert proto.ir_version == graph_rule.IR_VERSION
    types = {tensor.data_type for tensor in proto.graph.initializer}
    assert types == set(graph_rule.ELEMENT_BYTES)


def test_random_changes_pass_only_where_protobuf_finds_nothing_forbidden(short, converted):
    assert reference_forbids(short) is None
    tally = compare(short, 3_000, seed=1) + compare(converted, 200, seed=1)
    assert tally["passed by both"] > 100, "harmless changes pass: the comparison says something"
    assert tally["refused"] > 1_000


def foreign() -> onnx.ModelProto:
    """A complete model of Microsoft's operators."""
    x = helper.make_tensor_value_info("x", 1, [1])
    y = helper.make_tensor_value_info("y", 1, [1])
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    graph = helper.make_graph([node], "g", [x], [y])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def external() -> bytes:
    """A graph with a tensor stored in another file."""
    tensor = TensorProto(name="w", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "page-pin"
    return tensor.SerializeToString()


def split_at_graph(model: bytes) -> tuple[bytes, bytes]:
    """The model's fields but its graph, and the graph."""
    proto = onnx.ModelProto.FromString(model)
    graph = proto.graph.SerializeToString()
    proto.ClearField("graph")
    return proto.SerializeToString(), graph


def forgeries(model: bytes) -> dict[str, bytes]:
    """Models that ONNX Runtime would load, and that carry what no bundle may."""
    rest, graph = split_at_graph(model)
    foreign_rest, foreign_graph = split_at_graph(foreign().SerializeToString())
    tag = 7 << 3 | 2
    length = varint(len(foreign_graph))
    outside = field(5, external())
    hidden = field(5, group(100) + external())
    return {
        "foreign operator": foreign().SerializeToString(),
        "foreign operator behind a group": group(100) + foreign().SerializeToString(),
        "foreign operator behind a filled group": group(100, b"\x08\x01") + foreign_rest,
        "tag with surplus bits": foreign_rest + surplus(tag) + length + foreign_graph,
        "tag in more bytes": foreign_rest + padded(tag, 3) + length + foreign_graph,
        "a second graph": model + field(7, foreign_graph),
        "external tensor": rest + field(7, graph + outside),
        "external tensor behind a group": group(100) + rest + field(7, graph + outside),
        "group in the graph": rest + field(7, group(100) + graph),
        "group in a tensor": rest + field(7, graph + hidden),
        "field number 0": b"\0\0" + model,
        "end of a group that never began": varint(100 << 3 | 4) + model,
        "unknown field": model + varint(100 << 3) + b"\1",
        "function": model + field(25, b""),
        "training": model + field(20, b""),
        "nothing": b"",
        "no graph": rest,
        "a number too long": model + varint(5 << 3) + b"\xff" * 10 + b"\1",
        "cut short": model[:-1],
    }


@pytest.mark.parametrize("name", forgeries(b""))
def test_a_forgery_is_refused(short, name):
    with pytest.raises(ForbiddenGraph):
        check_graph(forgeries(short)[name])


def test_a_refusal_says_what_is_wrong(short):
    rest, graph = split_at_graph(short)
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    with pytest.raises(ForbiddenGraph, match=r"the operator 'com\.microsoft:Gelu'"):
        check_graph(rest + field(7, graph + field(1, node.SerializeToString())))


@pytest.fixture(scope="module")
def flatbuffer(converted, tmp_path_factory) -> bytes:
    """The model in ONNX Runtime's own format."""
    path = tmp_path_factory.mktemp("ort") / "model.ort"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(converted, options, providers=["CPUExecutionProvider"])
    return path.read_bytes()


def test_onnx_runtimes_own_format_is_refused_by_the_rule_and_by_every_session(flatbuffer):
    from edge.search.model import BadModel, session_of
    from training.export.runtime import Scorer, UnreadableModel

    assert not passes(flatbuffer)
    with pytest.raises(BadModel):
        session_of(flatbuffer)
    with pytest.raises(UnreadableModel):
        Scorer(flatbuffer)


def test_every_session_of_the_project_is_held_to_onnx():
    """A session without it takes the format from the file's first bytes."""
    made = re.compile(r"\bInferenceSession\(")
    folders = [
        "data",
        "judging",
        "edge",
        "training",
        "cloud_sync",
        "lambdas",
        "local_cloud",
        "tests",
    ]
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    makers = [path for path in sources if made.search(path.read_text("utf-8"))]
    assert {path.parent.name for path in makers} >= {"search", "export"}
    for path in makers:
        assert '"session.load_model_format", "ONNX"' in path.read_text("utf-8"), path
