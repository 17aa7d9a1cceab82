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


_FIELD_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_FIELD_NAMED = re.compile(r"`(?P<name>[^`]+)`")


def _invalid(error: msgspec.ValidationError, kind: type[object]) -> InvalidRecord:
    """Turn msgspec's message into ours: the field's path first, then what is wrong."""
    message = str(error)
    at = _FIELD_AT.search(message)
    path = at["path"] if at else ""
    reason = message[: at.start()] if at else message
    if reason.startswith("Object missing required field"):
        missing = _FIELD_NAMED.search(reason)
        path = ".".join(part for part in (path, missing["name"] if missing else "") if part)
        return InvalidRecord(path, "is missing; give it")
    return InvalidRecord(path or kind.__name__, reason[:1].lower() + reason[1:])


def encode(record: _Checked, most_bytes: int = limits.MAX_PAYLOAD_BYTES) -> bytes:
    """Return a checked record as JSON.

    Raises:
        InvalidRecord: naming the field, or the record when it is over `most_bytes` long.
    """
    record.check()
    payload = msgspec.json.encode(record)
    if len(payload) > most_bytes:
        raise InvalidRecord(
            type(record).__name__, f"takes {len(payload)} bytes; at most {most_bytes} are allowed"
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
            kind.__name__, f"takes {len(payload)} bytes; at most {most_bytes} are allowed"
        )
    try:
        record = msgspec.json.decode(payload, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(error, kind) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecord(kind.__name__, f"isn't JSON: {error}") from error
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
        raise _invalid(error, kind) from error
    record.check()
    return record
