"""Every record that crosses a process or the network, as JSON.

Unknown fields are tolerated, so newer writers can add some; wrong ones are refused by name.
"""

from __future__ import annotations

import re
from typing import Protocol, TypeVar

import msgspec

from data import limits
from data.errors import InvalidRecord


class _Checked(Protocol):
    def check(self, prefix: str = "") -> None: ...


Record = TypeVar("Record", bound=_Checked)


_FIELD_AT = re.compile(r" - at `(?P<key>key in )?\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_EXPECTED = re.compile(r"Expected `(?P<kinds>[^`]+)`(?P<limit>[^,]*)(?:, got `?(?P<got>[^`]+)`?)?")
_UNKNOWN = re.compile(r"Invalid (?:enum )?value (?P<value>.+)")
_KINDS = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false",
    "array": "a list", "object": "an object",
}  # fmt: skip


def in_words(kind: type[object]) -> str:
    """Return what messages call a record of this kind: `the feedback batch`."""
    return "the " + re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__.lstrip("_")).lower()


def refusal(error: msgspec.DecodeError | ValueError | RecursionError, what: str) -> InvalidRecord:
    """Return msgspec's error as ours, with the field at fault and what is wrong, in words.

    Args:
        error: of decoding or converting; text that isn't JSON, or a value that isn't allowed.
        what: names the whole record, as `in_words` does.
    """
    message = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return InvalidRecord(what, f"isn't JSON: {message}")
    at = _FIELD_AT.search(message)
    path = at["path"] + ("[...]" if at["key"] else "") if at else ""
    reason = message[: at.start()] if at else message
    if missing := _MISSING.fullmatch(reason):
        return InvalidRecord(f"{path}.{missing['name']}".lstrip("."), "is missing; give it")
    return InvalidRecord(path or what, _plainly(reason))


def _plainly(reason: str) -> str:
    if found := _EXPECTED.fullmatch(reason):
        *others, last = [_KINDS.get(kind, kind) for kind in found["kinds"].split(" | ")]
        wanted = f"{', '.join(others)} or {last}" if others else last
        got = found["got"]
        unlike = f", not {_KINDS.get(got, got)}" if got else ""
        return f"must be {wanted}{found['limit']}{unlike}"
    if found := _UNKNOWN.fullmatch(reason):
        return f"is {found['value']}, which isn't known here"
    return f"can't be read: {reason}"


def encode(record: _Checked, most_bytes: int = limits.MAX_PAYLOAD_BYTES) -> bytes:
    """Return a checked record as JSON.

    Raises:
        InvalidRecord: naming the field, or the record when it is over `most_bytes` long.
    """
    record.check()
    payload = msgspec.json.encode(record)
    if len(payload) > most_bytes:
        raise InvalidRecord(
            in_words(type(record)), f"takes {len(payload)} bytes; at most {most_bytes} are allowed"
        )
    return payload


def decode(
    payload: bytes, kind: type[Record], most_bytes: int = limits.MAX_PAYLOAD_BYTES
) -> Record:
    """Return the record of this kind that `payload` holds, checked.

    Raises:
        InvalidRecord: naming the field, or the record when it isn't JSON or over `most_bytes`.
    """
    if len(payload) > most_bytes:
        raise InvalidRecord(
            in_words(kind), f"takes {len(payload)} bytes; at most {most_bytes} are allowed"
        )
    try:
        record = msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusal(error, in_words(kind)) from error
    record.check()
    return record


def convert(value: object, kind: type[Record]) -> Record:
    """Return the record of this kind from JSON-like Python values, checked.

    Raises:
        InvalidRecord: naming the field.
    """
    try:
        record = msgspec.convert(value, type=kind)
    except msgspec.ValidationError as error:
        raise refusal(error, in_words(kind)) from error
    record.check()
    return record
