"""What a graph may be made of, told from the bytes of `model.onnx` before anything loads them.

ONNX Runtime would look outside of the signed file for tensors stored elsewhere, and runs whatever
operators it knows. This reads just enough of ONNX's protobuf (onnx.proto, fields by number) to
refuse both; a malformed file is left to ONNX Runtime in the trial's process.
"""

from __future__ import annotations

from collections.abc import Iterator

from data.errors import GreenlightError

ALLOWED_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
# Deeper than any honest graph; a bound for the recursion below.
_MAX_DEPTH = 16

# Field numbers of onnx.proto.
_MODEL_GRAPH, _MODEL_FUNCTIONS = 7, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE, _NODE_DOMAIN = 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES = 22, 23
_SPARSE_VALUES, _SPARSE_INDICES = 1, 2
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14


class ForbiddenGraph(GreenlightError):
    """The graph is made of something that no bundle may hold."""


def check_graph(model: bytes) -> None:
    """Refuse foreign operators, functions of its own, and tensors stored outside of the file.

    Raises:
        ForbiddenGraph: saying what was found.
    """
    for field, value in _fields(memoryview(model)):
        if field == _MODEL_FUNCTIONS:
            raise ForbiddenGraph("the graph defines functions of its own")
        if field == _MODEL_GRAPH and isinstance(value, memoryview):
            _check_graph(value, 0)


def _check_graph(graph: memoryview, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ForbiddenGraph("the graph is nested too deeply")
    for field, value in _fields(graph):
        if not isinstance(value, memoryview):
            continue
        if field == _GRAPH_NODE:
            _check_node(value, depth)
        elif field == _GRAPH_INITIALIZER:
            _check_tensor(value)
        elif field == _GRAPH_SPARSE:
            _check_sparse(value)


def _check_node(node: memoryview, depth: int) -> None:
    for field, value in _fields(node):
        if not isinstance(value, memoryview):
            continue
        if field == _NODE_DOMAIN and (domain := _text(value)) not in ALLOWED_DOMAINS:
            raise ForbiddenGraph(f"the graph uses an operator of the foreign domain {domain!r}")
        if field != _NODE_ATTRIBUTE:
            continue
        for inner, part in _fields(value):
            if not isinstance(part, memoryview):
                continue
            if inner in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
                _check_tensor(part)
            elif inner in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
                _check_graph(part, depth + 1)
            elif inner in (_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES):
                _check_sparse(part)


def _check_sparse(sparse: memoryview) -> None:
    for field, value in _fields(sparse):
        if field in (_SPARSE_VALUES, _SPARSE_INDICES) and isinstance(value, memoryview):
            _check_tensor(value)


def _check_tensor(tensor: memoryview) -> None:
    for field, value in _fields(tensor):
        if field == _TENSOR_EXTERNAL or (field == _TENSOR_LOCATION and value):
            raise ForbiddenGraph("the graph keeps a tensor outside of the signed file")


def _text(value: memoryview) -> str:
    return bytes(value[:80]).decode("utf-8", "replace")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Yield field number and value of each field; what is cut short ends the message."""
    position, end = 0, len(message)
    while position < end:
        key, position = _varint(message, position)
        field, kind = key >> 3, key & 7
        if kind == 0:
            number, position = _varint(message, position)
            yield field, number
        elif kind == 2:
            length, position = _varint(message, position)
            if position + length > end:
                return
            yield field, message[position : position + length]
            position += length
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        else:
            return


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    number = shift = 0
    while position < len(message) and shift < 70:
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    return number, len(message)
