"""Models changed at random, and protobuf's own parser to say which ones the rule must refuse.

The reference knows nothing of the rule's parser: it reads with onnx's generated classes and names.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import numpy as np
import onnx
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from onnx import TensorProto, helper

from data import graph_rule

VARINT, FIXED64, BYTES, START, END, FIXED32 = range(6)


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def padded(number: int, extra: int = 1) -> bytes:
    """A number in more bytes than it needs."""
    *head, last = varint(number)
    return bytes([*head, last | 0x80, *[0x80] * (extra - 1), 0])


def surplus(number: int, bits: int = 0x70) -> bytes:
    """A 32-bit number in five bytes, with high bits that some parsers drop."""
    head = [number >> shift & 0x7F | 0x80 for shift in (0, 7, 14, 21)]
    return bytes([*head, number >> 28 & 0x0F | bits])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | BYTES) + varint(len(content)) + content


def group(number: int, content: bytes = b"") -> bytes:
    return varint(number << 3 | START) + content + varint(number << 3 | END)


def shortened(model: bytes, entries: int = 4) -> bytes:
    """Return the model with every operator, and tables and texts of a few entries."""
    proto = onnx.ModelProto.FromString(model)
    for tensor in proto.graph.initializer:
        if tensor.dims:
            rows = min(tensor.dims[0], entries)
            tensor.raw_data = tensor.raw_data[: len(tensor.raw_data) // tensor.dims[0] * rows]
            tensor.dims[0] = rows
    for node in proto.graph.node:
        for attribute in node.attribute:
            del attribute.strings[entries:]
            del attribute.ints[entries:]
    return proto.SerializeToString(deterministic=True)


def _external() -> bytes:
    tensor = TensorProto(name="e", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "w.bin"
    return tensor.SerializeToString()


def _foreign_parts() -> list[tuple[str, bytes]]:
    """Fields of a message that no model of ours has, by the message they belong to."""
    empty = helper.make_graph([], "g", [], [])
    branch = helper.make_node("If", ["c"], ["o"], then_branch=empty, else_branch=empty)
    foreign = helper.make_node("Gelu", ["year"], ["gelu"], domain="com.microsoft")
    drawn = helper.make_node("RandomNormal", [], ["drawn"], shape=[1])
    loose = helper.make_node("Constant", [], ["c"], value=helper.make_tensor("v", 1, [1], [1.0]))
    other = helper.make_node("Gather", ["a", "b"], ["c"], axis=0, batch_dims=1)
    aliased = helper.make_node("Add", ["a", "b"], ["c"], domain="ai.onnx")
    opset = helper.make_opsetid("com.microsoft", 1)
    relu = helper.make_node("Relu", ["a"], ["b"])
    function = helper.make_function("my", "F", ["a"], ["b"], [relu], [opset])
    sparse = onnx.SparseTensorProto(values=TensorProto.FromString(_external()), dims=[1])
    nodes = (branch, foreign, drawn, loose, other, aliased)
    return [
        *(("GraphProto", field(1, node.SerializeToString())) for node in nodes),
        ("GraphProto", field(5, _external())),
        ("GraphProto", field(15, sparse.SerializeToString())),
        ("NodeProto", field(5, helper.make_attribute("to", 1).SerializeToString())),
        ("NodeProto", field(5, helper.make_attribute("axis", 0.5).SerializeToString())),
        ("AttributeProto", field(5, _external())),
        ("AttributeProto", field(6, empty.SerializeToString())),
        ("TensorProto", field(13, onnx.StringStringEntryProto(key="location").SerializeToString())),
        ("TensorProto", varint(14 << 3) + b"\1"),
        ("ModelProto", field(7, empty.SerializeToString())),
        ("ModelProto", field(8, opset.SerializeToString())),
        ("ModelProto", field(25, function.SerializeToString())),
        ("ModelProto", field(20, onnx.TrainingInfoProto(algorithm=empty).SerializeToString())),
    ]


class Message:
    """A message as a list of fields: encoded, or a tag's number and the message inside."""

    def __init__(self, kind: Descriptor, parent: int | None) -> None:
        self.kind = kind
        self.parent = parent
        self.fields: list[bytes | tuple[int, int]] = []


class Mutator:
    """Changes a model in one to four places, by the seed's dice."""

    def __init__(self, model: bytes, seed: int) -> None:
        self._model = model
        self._rng = random.Random(seed)
        self._foreign = _foreign_parts()
        self._messages: list[Message] = []
        self._written: list[bytes] = []
        self._split(model, onnx.ModelProto.DESCRIPTOR, None)
        assert self._written[0] == model, "a model that protobuf wrote is split without loss"

    def mutations(self, count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield self._one()

    def _split(self, content: bytes, kind: Descriptor, parent: int | None) -> int:
        number = len(self._messages)
        message = Message(kind, parent)
        self._messages.append(message)
        self._written.append(content)
        at = 0
        while at < len(content):
            begin = at
            tag, at = _read_varint(content, at)
            value, at = _read_varint(content, at)
            if tag & 7 == BYTES:
                inside = kind.fields_by_number[tag >> 3].message_type
                part, at = content[at : at + value], at + value
                if inside is not None:
                    message.fields.append((tag >> 3, self._split(part, inside, number)))
                    continue
            message.fields.append(content[begin:at])
        return number

    def _one(self) -> bytes:
        rng = self._rng
        changed: dict[int, list[bytes | tuple[int, int]]] = {}
        for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
            # The small messages are many: the others get their share.
            number = rng.choice((0, 1, rng.randrange(len(self._messages))))
            fields = changed.setdefault(number, list(self._messages[number].fields))
            self._change(fields, self._messages[number].kind)
        touched = set()
        for number in changed:
            place: int | None = number
            while place is not None:
                touched.add(place)
                place = self._messages[place].parent
        model = self._write(0, changed, touched)
        if rng.random() < 0.1:
            model = self._garble(model)
        return model

    def _write(
        self, number: int, changed: dict[int, list[bytes | tuple[int, int]]], touched: set[int]
    ) -> bytes:
        if number not in touched:
            return self._written[number]
        fields = changed.get(number, self._messages[number].fields)
        return b"".join(
            one if isinstance(one, bytes) else field(one[0], self._write(one[1], changed, touched))
            for one in fields
        )

    def _encoded(self, one: bytes | tuple[int, int]) -> bytes:
        return one if isinstance(one, bytes) else field(one[0], self._written[one[1]])

    def _change(self, fields: list[bytes | tuple[int, int]], kind: Descriptor) -> None:
        rng = self._rng
        place = rng.randrange(len(fields) + 1)
        chosen = rng.randrange(len(fields)) if fields else None
        change = rng.randrange(12)
        if change == 0:
            inside = b"" if rng.random() < 0.5 else field(100, b"x")
            fields.insert(place, group(rng.choice((3, 26, 100, 2**20)), inside))
        elif change == 1:
            known = [*kind.fields_by_number, 26, 100, 2**28, 2**29 - 1]
            tag = varint(rng.choice(known) << 3 | rng.randrange(8))
            fields.insert(place, tag + rng.choice((b"\0", b"\1", b"\0" * 4, b"\0" * 8, b"\2ab")))
        elif change == 2:
            mine = [part for name, part in self._foreign if name == kind.name]
            if mine:
                fields.insert(place, rng.choice(mine))
        elif change == 3:
            fields.insert(place, rng.randbytes(rng.randrange(1, 4)))
        elif chosen is None:
            return
        elif change == 4:
            fields.insert(place, fields[chosen])
        elif change == 5:
            del fields[chosen]
        elif change == 6:
            other = rng.randrange(len(fields))
            fields[chosen], fields[other] = fields[other], fields[chosen]
        else:
            fields[chosen] = self._rewritten(self._encoded(fields[chosen]), change)

    def _rewritten(self, encoded: bytes, change: int) -> bytes:
        rng = self._rng
        try:
            tag, at = _read_varint(encoded, 0)
            value, end = _read_varint(encoded, at)
        except IndexError:
            return encoded * 2  # what an earlier change put here isn't a field
        content = encoded[end:]
        match change:
            case 7:
                rewrite = rng.choice((padded, surplus))
                if rng.random() < 0.5:
                    return rewrite(tag) + encoded[at:]
                return encoded[:at] + rewrite(value) + content
            case 8:
                return varint(tag ^ 1 << rng.randrange(6)) + encoded[at:]
            case 9 if tag & 7 == VARINT:
                others = (0, 1, 2, 3, 7, 8, 255, value ^ 1, value + 2**32, value + 2**31, -1, 2**63)
                return varint(tag) + varint(rng.choice(others))
            case 9 | 10 if content:
                flipped = bytearray(content)
                flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
                return encoded[:end] + bytes(flipped)
            case 11 if tag & 7 == VARINT:
                # A repeated number, packed: protobuf reads both.
                return field(tag >> 3, varint(value))
        return varint(tag) + varint(len(content) + rng.choice((-1, 1, 2**31, 2**63))) + content

    def _garble(self, model: bytes) -> bytes:
        rng = self._rng
        garbled = bytearray(model)
        match rng.randrange(4):
            case 0:
                garbled[rng.randrange(len(garbled))] = rng.randrange(256)
            case 1:
                del garbled[rng.randrange(len(garbled)) :]
            case 2:
                begin = rng.randrange(len(garbled))
                del garbled[begin : begin + rng.randrange(64)]
            case 3:
                begin = rng.randrange(len(garbled))
                garbled += garbled[begin : begin + rng.randrange(256)]
        return bytes(garbled)


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


# What onnx's classes may hold, by their own names.
_HELD = {
    "ModelProto": "ir_version producer_name producer_version domain model_version doc_string"
    " graph opset_import",
    "OperatorSetIdProto": "domain version",
    "GraphProto": "node name initializer input output",
    "NodeProto": "input output name op_type attribute domain",
    "AttributeProto": "name i ints strings type",
    "TensorProto": "dims data_type name raw_data",
    "ValueInfoProto": "name type",
    "TypeProto": "tensor_type",
    "Tensor": "elem_type shape",
    "TensorShapeProto": "dim",
    "Dimension": "dim_value",
}
_NUMPY = {1: "f4", 2: "u1", 5: "i2", 6: "i4", 7: "i8"}


def reference_forbids(model: bytes) -> str | None:
    """Return what protobuf's parser finds that no bundle may contain, or None."""
    try:
        proto = onnx.ModelProto.FromString(model)
    except DecodeError:
        return "protobuf does not read it"
    if (found := _strange(proto)) is not None:
        return found
    if len(proto.SerializeToString()) != len(model):
        return "not in protobuf's canonical form"
    opsets = [(opset.domain, opset.version) for opset in proto.opset_import]
    if sorted(opsets) != sorted(graph_rule.OPSETS.items()):
        return "opsets"
    for node in proto.graph.node:
        names = [attribute.name for attribute in node.attribute]
        allowed = graph_rule.OPERATORS.get((node.domain, node.op_type))
        if allowed is None or not allowed.issuperset(names) or len(set(names)) != len(names):
            return "operator or attribute"
        for attribute in node.attribute:
            value = helper.get_attribute_value(attribute)
            expected = {"keys_strings": (list, bytes), "values_int64s": (list, int)}
            outer, inner = expected.get(attribute.name, (int, int))
            if not isinstance(value, outer) or (
                outer is list and not all(isinstance(one, inner) for one in value)
            ):
                return "attribute's type"
    for tensor in proto.graph.initializer:
        if tensor.data_type not in _NUMPY or min(tensor.dims, default=0) < 0:
            return "tensor's type"
        per = np.dtype(_NUMPY[tensor.data_type]).itemsize
        # Python's integers: numpy's product would wrap around.
        size = per
        for dimension in tensor.dims:
            size *= dimension
        if size != len(tensor.raw_data):
            return "tensor's bytes"
    return None


def _strange(message: object) -> str | None:
    name = message.DESCRIPTOR.name
    if len(UnknownFieldSet(message)):
        return f"unknown field in {name}"
    for held, value in message.ListFields():
        if held.name not in _HELD.get(name, "").split():
            return f"{name}.{held.name}"
        if held.message_type is not None:
            for part in value if hasattr(value, "add") else [value]:
                if (found := _strange(part)) is not None:
                    return found
    return None


def passes(model: bytes) -> bool:
    try:
        graph_rule.check_graph(model)
    except graph_rule.ForbiddenGraph:
        return False
    return True


def compare(model: bytes, count: int, seed: int) -> Counter[str]:
    """Mutate a model `count` times; return how often the rule and how often both passed it.

    Raises:
        AssertionError: the rule passes what the reference forbids.
    """
    tally: Counter[str] = Counter()
    for number, mutated in enumerate(Mutator(model, seed).mutations(count)):
        if passes(mutated):
            found = reference_forbids(mutated)
            assert found is None, f"seed {seed}, mutation {number} passes the rule: {found}"
            tally["passed by both"] += 1
        else:
            tally["refused"] += 1
    return tally
