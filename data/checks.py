"""Checks of records' fields; each names the field at fault."""

from __future__ import annotations

import math
import re
import uuid
from collections import Counter

from data import limits
from data.errors import InvalidRecord
from data.text import is_plain

# Grows when a reader of the old form would misread the new one.
SCHEMA_VERSION = 1

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]*")
MAX_LABEL = 63


def check_id(field: str, value: str) -> None:
    """Refuse anything but a UUID in its canonical form.

    Raises:
        InvalidRecord: naming `field`.
    """
    try:
        usual = value == str(uuid.UUID(value))
    except ValueError:
        usual = False
    if not usual:
        raise InvalidRecord(field, f"is {value[:60]!r}; give a UUID as data.ids.new_id makes it")


def check_sha256(field: str, value: str) -> None:
    """Refuse anything but 64 lower-case hexadecimal digits.

    Raises:
        InvalidRecord: naming `field`.
    """
    if not _SHA256.fullmatch(value):
        raise InvalidRecord(field, "isn't 64 lower-case hexadecimal digits")


def check_finite(field: str, value: float) -> None:
    """Refuse infinities and NaN."""
    if not math.isfinite(value):
        raise InvalidRecord(field, f"is {value}; give a finite number")


def check_counts(prefix: str, record: object, *fields: str) -> None:
    """Refuse a record in which one of these fields is below zero."""
    for field in fields:
        if getattr(record, field) < 0:
            raise InvalidRecord(f"{prefix}{field}", "is negative; give zero or more")


def check_label(field: str, value: str, most: int = MAX_LABEL) -> None:
    """Refuse anything but a name in lower-case letters, digits and hyphens.

    Raises:
        InvalidRecord: naming `field`.
    """
    if not _LABEL.fullmatch(value):
        raise InvalidRecord(field, f"is {value[:40]!r}; use lower-case letters, digits and -")
    if len(value) > most:
        raise InvalidRecord(field, f"has {len(value)} characters; at most {most} are allowed")


def check_short(field: str, value: str, most: int) -> None:
    """Refuse text that is too long or not printable; it may be empty.

    Raises:
        InvalidRecord: naming `field`.
    """
    if len(value) > most:
        raise InvalidRecord(field, f"has {len(value)} characters; at most {most} are allowed")
    if not is_plain(value):
        raise InvalidRecord(field, "holds a control character or half a surrogate; remove it")


def check_schema(prefix: str, version: int, newest: int = SCHEMA_VERSION) -> None:
    """Refuse a record of a version that isn't known: below the first or above `newest`."""
    if not 1 <= version <= newest:
        known = "version 1" if newest == 1 else f"versions 1 to {newest}"
        raise InvalidRecord(
            f"{prefix}schema_version", f"is {version}; this software reads {known}: update it"
        )


def check_version(field: str, version: int) -> None:
    """Refuse a model's version below the first or above the last."""
    if not 1 <= version <= limits.MAX_MODEL_VERSION:
        raise InvalidRecord(
            field, f"is {version}; versions go from 1 to {limits.MAX_MODEL_VERSION}"
        )


def refuse_jump(version: int, highest: int) -> str:
    """Return why a version is too far above the highest before it (0 without one), or nothing."""
    most = min(highest + limits.MAX_VERSION_JUMP, limits.MAX_MODEL_VERSION)
    if version <= most:
        return ""
    return f"version {version} is too far above version {highest}; at most {most} may follow it"


def check_length(field: str, length: int, most: int) -> None:
    """Refuse an empty list, and one that is too long."""
    if not 1 <= length <= most:
        raise InvalidRecord(field, f"holds {length} entries; give 1 to {most}")


def check_unique(field: str, ids: list[str]) -> None:
    """Refuse a list that holds an id twice."""
    repeated = [name for name, times in Counter(ids).items() if times > 1]
    if repeated:
        raise InvalidRecord(field, f"repeats the id {repeated[0][:60]!r}; give each once")
