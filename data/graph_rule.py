"""What `model.onnx` may be made of, checked byte by byte before ONNX Runtime sees it.

The rule fails closed. A model passes if every byte belongs to a field that our converter writes, in
protobuf's one canonical form, and if its operators, attributes, opsets and types are the
converter's. Nothing else does: no unknown field, group or repeated singular field that two parsers
could read differently; no tensor outside of the file, subgraph, function or foreign operator; and
not ONNX Runtime's own file format, whose first bytes aren't a field of a model.

The field numbers are those of onnx.proto. A test holds this list and the converter equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from data.errors import GreenlightError

IR_VERSION = 8
OPSETS = {"": 18, "ai.onnx.ml": 3}
# Operators by domain and name, each with its attributes.
OPERATORS: Mapping[tuple[str, str], frozenset[str]] = {
    ("", "Add"): frozenset(),
    ("", "Cast"): frozenset({"to"}),
    ("", "Clip"): frozenset(),
    ("", "Concat"): frozenset({"axis"}),
    ("", "Div"): frozenset(),
    ("", "Exp"): frozenset(),
    ("", "Gather"): frozenset({"axis"}),
    ("", "Identity"): frozenset(),
    ("", "MatMul"): frozenset(),
    ("", "Max"): frozenset(),
    ("", "Min"): frozenset(),
    ("", "Mul"): frozenset(),
    ("", "Neg"): frozenset(),
    ("", "ReduceMax"): frozenset({"keepdims"}),
    ("", "ReduceMin"): frozenset({"keepdims"}),
    ("", "ReduceSum"): frozenset({"keepdims"}),
    ("", "Reshape"): frozenset(),
    ("", "Sigmoid"): frozenset(),
    ("", "Squeeze"): frozenset(),
    ("", "Sub"): frozenset(),
    ("ai.onnx.ml", "LabelEncoder"): frozenset({"default_int64", "keys_strings", "values_int64s"}),
}
# The type of each attribute (AttributeProto.AttributeType), and the field its value is in.
_INT, _INTS, _STRINGS = (2, "i"), (7, "ints"), (8, "strings")
_ATTRIBUTES = {
    "axis": _INT,
    "to": _INT,
    "keepdims": _INT,
    "default_int64": _INT,
    "keys_strings": _STRINGS,
    "values_int64s": _INTS,
}
# TensorProto.DataType: float, uint8, int16, int32, int64; text is for inputs only.
ELEMENT_BYTES = {1: 4, 2: 1, 5: 2, 6: 4, 7: 8}
_TEXT_ELEMENTS = 8

_MAX_NODES, _MAX_TENSORS, _MAX_RANK, _MAX_NAME_BYTES = 500, 200, 3, 200
# A tag's last three bits: a number of up to ten bytes, or a length and that many bytes.
_NUMBER, _BYTES = 0, 2

Message = dict[str, list[Any]]


class ForbiddenGraph(GreenlightError):
    """The graph is made of something that no bundle may contain."""


class _Field(NamedTuple):
    """A field: its name, whether it may repeat, and the message inside, if one is."""

    name: str
    repeats: bool = False
    message: str = ""


def _tags(**fields: tuple[int, int, bool, str]) -> dict[int, _Field]:
    """Return fields by tag: the number and the wire type, as in the file."""
    return {
        number << 3 | wire: _Field(name, repeats, message)
        for name, (number, wire, repeats, message) in fields.items()
    }


def _number(number: int, *, repeats: bool = False) -> tuple[int, int, bool, str]:
    return number, _NUMBER, repeats, ""


def _bytes(number: int, *, repeats: bool = False) -> tuple[int, int, bool, str]:
    return number, _BYTES, repeats, ""


def _one(number: int, message: str) -> tuple[int, int, bool, str]:
    return number, _BYTES, False, message


def _many(number: int, message: str) -> tuple[int, int, bool, str]:
    return number, _BYTES, True, message


_GRAMMAR = {
    "model": _tags(
        ir_version=_number(1),
        producer_name=_bytes(2),
        producer_version=_bytes(3),
        domain=_bytes(4),
        model_version=_number(5),
        doc_string=_bytes(6),
        graph=_one(7, "graph"),
        opset_import=_many(8, "opset"),
    ),
    "opset": _tags(domain=_bytes(1), version=_number(2)),
    "graph": _tags(
        node=_many(1, "node"),
        name=_bytes(2),
        initializer=_many(5, "tensor"),
        input=_many(11, "value"),
        output=_many(12, "value"),
    ),
    "node": _tags(
        input=_bytes(1, repeats=True),
        output=_bytes(2, repeats=True),
        name=_bytes(3),
        op_type=_bytes(4),
        attribute=_many(5, "attribute"),
        domain=_bytes(7),
    ),
    "attribute": _tags(
        name=_bytes(1),
        i=_number(3),
        ints=_number(8, repeats=True),
        strings=_bytes(9, repeats=True),
        type=_number(20),
    ),
    "tensor": _tags(
        dims=_number(1, repeats=True), data_type=_number(2), name=_bytes(8), raw_data=_bytes(9)
    ),
    "value": _tags(name=_bytes(1), type=_one(2, "type")),
    "type": _tags(tensor_type=_one(1, "tensor type")),
    "tensor type": _tags(elem_type=_number(1), shape=_one(2, "shape")),
    "shape": _tags(dim=_many(1, "dimension")),
    "dimension": _tags(dim_value=_number(1)),
}


def check_graph(model: bytes) -> None:
    """Refuse a model that isn't made as our converter makes one.

    Raises:
        ForbiddenGraph: saying what was found.
    """
    top = _read(memoryview(model), "model")
    if top.get("ir_version") != [IR_VERSION]:
        raise ForbiddenGraph(f"the model isn't of ONNX's format {IR_VERSION}")
    opsets = [(_text(one, "domain"), one.get("version", [])) for one in top.get("opset_import", [])]
    if sorted(opsets) != [(domain, [version]) for domain, version in sorted(OPSETS.items())]:
        raise ForbiddenGraph(
            f"the model needs the operator sets {_named(opsets)}; this software runs"
            f" {_named((domain, [version]) for domain, version in OPSETS.items())}"
        )
    for name in ("producer_name", "producer_version", "domain", "doc_string"):
        _text(top, name)
    if "graph" not in top:
        raise ForbiddenGraph("the model has no graph")
    _check_graph(top["graph"][0], len(model))


def _named(opsets: Iterable[tuple[str, list[int]]]) -> str:
    """Name sets of operators; bounded, because a model says what it likes."""
    return ", ".join(
        f"{ascii(domain[:20]) if domain else 'ai.onnx'} {versions[0] if versions else ''}"
        for domain, versions in sorted(opsets)[:4]
    )


def _check_graph(graph: Message, model_bytes: int) -> None:
    _text(graph, "name")
    nodes, tensors = graph.get("node", []), graph.get("initializer", [])
    if not 1 <= len(nodes) <= _MAX_NODES:
        raise ForbiddenGraph(f"the graph has {len(nodes)} nodes; 1 to {_MAX_NODES} are allowed")
    if len(tensors) > _MAX_TENSORS:
        raise ForbiddenGraph(f"the graph has {len(tensors)} tensors; {_MAX_TENSORS} are allowed")
    for node in nodes:
        _check_node(node)
    for tensor in tensors:
        _check_tensor(tensor, model_bytes)
    for value in [*graph.get("input", []), *graph.get("output", [])]:
        _check_value(value)


def _check_node(node: Message) -> None:
    operator = _text(node, "domain"), _text(node, "op_type")
    if operator not in OPERATORS:
        raise ForbiddenGraph(f"the graph uses the operator {':'.join(filter(None, operator))!r}")
    for name in [*node.get("input", []), *node.get("output", [])]:
        _decoded(name)
    _text(node, "name")
    given = set()
    for attribute in node.get("attribute", []):
        name = _text(attribute, "name")
        if name not in OPERATORS[operator] or name in given:
            raise ForbiddenGraph(f"{operator[1]} has the attribute {name!r}")
        given.add(name)
        kind, value = _ATTRIBUTES[name]
        if attribute.keys() != {"name", "type", value} or attribute["type"] != [kind]:
            raise ForbiddenGraph(f"{operator[1]}'s attribute {name!r} is of another type")
        if name == "to" and attribute["i"][0] not in ELEMENT_BYTES:
            raise ForbiddenGraph("Cast's result is of another type")
        for text in attribute.get("strings", []):
            _decoded(text)


def _check_tensor(tensor: Message, model_bytes: int) -> None:
    _text(tensor, "name")
    if not {"data_type", "raw_data"} <= tensor.keys():
        raise ForbiddenGraph("a tensor's data isn't in its place")
    kind, dimensions = tensor["data_type"][0], tensor.get("dims", [])
    if kind not in ELEMENT_BYTES or len(dimensions) > _MAX_RANK:
        raise ForbiddenGraph("a tensor is of another type or rank")
    size = ELEMENT_BYTES[kind]
    for dimension in dimensions:
        if dimension > model_bytes:
            raise ForbiddenGraph("a tensor is larger than the file")
        size *= dimension
    if len(tensor["raw_data"][0]) != size:
        raise ForbiddenGraph("a tensor has more or fewer bytes than its shape says")


def _check_value(value: Message) -> None:
    _text(value, "name")
    tensor: Message = next((kind["tensor_type"][0] for kind in value.get("type", []) if kind), {})
    elements = tensor.get("elem_type", [None])[0]
    if elements not in ELEMENT_BYTES and elements != _TEXT_ELEMENTS:
        raise ForbiddenGraph("an input or output is of another type")


def _text(message: Message, name: str) -> str:
    values = message.get(name)
    if values is None:
        return ""
    if len(values[0]) > _MAX_NAME_BYTES:
        raise ForbiddenGraph("a name is too long")
    return _decoded(values[0])


def _decoded(content: memoryview) -> str:
    try:
        return str(content, "utf-8")
    except UnicodeDecodeError:
        raise ForbiddenGraph("a text isn't UTF-8") from None


def _read(content: memoryview, kind: str) -> Message:
    """Return a message's values by field; each of its bytes is part of one.

    Raises:
        ForbiddenGraph: at the first byte that isn't.
    """
    fields = _GRAMMAR[kind]
    found: Message = {}
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        field = fields.get(tag)
        if field is None:
            raise ForbiddenGraph(f"the {kind} has a field {tag >> 3} of another kind than ours")
        values = found.setdefault(field.name, [])
        if values and not field.repeats:
            raise ForbiddenGraph(f"the {kind} has {field.name!r} twice")
        number, at = _varint(content, at)
        if tag & 7 == _NUMBER:
            values.append(number)
            continue
        if number > len(content) - at:
            raise ForbiddenGraph(f"the {kind} is cut short")
        part = content[at : at + number]
        values.append(_read(part, field.message) if field.message else part)
        at += number
    return found


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at this place, and where it ends.

    Raises:
        ForbiddenGraph: it isn't written in its shortest form, or takes more than 64 bits.
    """
    number = shift = 0
    while at < len(content):
        byte = content[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if (byte == 0 and shift) or number >> 64:
                break
            return number, at
        shift += 7
        if shift > 63:
            break
    raise ForbiddenGraph("a number is cut short, or isn't in its shortest form")
