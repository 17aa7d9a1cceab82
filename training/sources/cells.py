"""Parses what people write into cells: empty values, numbers, years and lists."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from data.films import normalise

# How tables write a missing value, in lower case.
EMPTY = frozenset({
    "", "none", "n/a", "#n/a", "na", "nan", "null", "nil", "-", "--", "–", "—", "?", "\\n", "tba",
})  # fmt: skip
LIST_SEPARATORS = ("|", ";", ", ", "/", ",")

# A decimal comma: followed by few digits, or preceded by points that separate thousands.
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d{1,2}|[-+]?\d+,\d{4,}|[-+]?\d{1,3}(\.\d{3})+,\d+|0,\d+")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}([, \u00a0\u202f']\d{3})+(\.\d+)?")
_THOUSANDS_POINT = re.compile(r"[-+]?\d{1,3}([. \u00a0\u202f']\d{3})+(,\d+)?")
_OUT_OF = re.compile(r"([-+]?[\d.,]+)\s*(?:/\s*\d+|%)")
_DATE_YEAR_FIRST = re.compile(r"(\d{4})\s*[-–/.]\s*(?:\d.*)?")
_DATE_YEAR_LAST = re.compile(r"(?:\d{1,2}[-/.]){1,2}(\d{4})(?:\D.*)?")
# `May 2009`, `May 3, 2009`, `3 May 2009`.
_DATE_WORDS = re.compile(r"(?:\d{1,2}\.?\s+)?[^\W\d_]{3,}\.?\s+(?:\d{1,2},?\s+)?(\d{4})")


def is_empty(cell: str) -> bool:
    """Return whether a cell means a missing value."""
    return normalise(cell).casefold() in EMPTY


def has_decimal_comma(cells: Iterable[str]) -> bool:
    """Return whether the numbers in a column have decimal commas."""
    comma = point = 0
    for cell in cells:
        text = cell.strip()
        comma += bool(_DECIMAL_COMMA.fullmatch(text))
        point += "." in text and "," not in text and _number(text) is not None
    return comma > point


def number_of(cell: str, *, decimal_comma: bool = False) -> float | None:
    """Return the finite number in a cell, or None.

    `1,086` is one thousand and eighty-six unless the column has decimal commas; `7/10` and `70%`
    count as 7 and 70.
    """
    text = normalise(cell)
    if outer := _OUT_OF.fullmatch(text):
        text = outer[1]
    if decimal_comma:
        if "," not in text and _THOUSANDS_POINT.fullmatch(text):
            return _number(re.sub(r"[. \u00a0\u202f']", "", text))
        return _number(re.sub(r"[. \u00a0\u202f']", "", text).replace(",", ".") if "," in text
                       else text)  # fmt: skip
    if _THOUSANDS.fullmatch(text):
        text = re.sub(r"[, \u00a0\u202f']", "", text)
    return _number(text)


def _number(text: str) -> float | None:
    if "_" in text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def whole_of(cell: str) -> int | None:
    """Return the whole number of a cell, or the year of a date; of a range, the first."""
    text = normalise(cell)
    number = number_of(text)
    if number is not None:
        return int(number) if number == int(number) else None
    for pattern in (_DATE_YEAR_FIRST, _DATE_YEAR_LAST, _DATE_WORDS):
        if found := pattern.fullmatch(text):
            return int(found[1])
    return None


def list_of(cell: str, separator: str = "") -> list[str]:
    """Return the names in a cell: a JSON or Python list, or names between separators.

    In a list of objects, such as The Movie Database's, each object's `name` counts.
    """
    text = normalise(cell)
    if text[:1] in ("[", "{", "("):
        found = _parsed(text)
        if isinstance(found, Mapping):
            found = [found]
        if isinstance(found, list | tuple | set):
            return [name for entry in found if (name := _name(entry)) and not is_empty(name)]
    parts = text.split(separator) if separator else [text]
    return [name for part in parts if (name := normalise(part)) and not is_empty(name)]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _name(entry: Any) -> str:
    if isinstance(entry, Mapping):
        entry = entry.get("name", entry.get("Name", ""))
    return normalise(str(entry)) if entry is not None else ""


def directors_in(cell: str) -> list[str]:
    """Return the director from a crew as The Movie Database writes it."""
    found = _parsed(normalise(cell))
    if not isinstance(found, list):
        return []
    return [
        normalise(str(entry.get("name", "")))
        for entry in found
        if isinstance(entry, Mapping) and entry.get("job") == "Director"
    ]


def separator_in(cells: Iterable[str], least_share: float = 0.15) -> str:
    """Return the separator of names in a column's cells; empty if each cell has one name."""
    known = [cell for cell in cells if not is_empty(cell)]
    if not known:
        return ""
    for separator in LIST_SEPARATORS:
        if sum(separator in cell for cell in known) >= max(1, least_share * len(known)):
            return separator
    return ""
