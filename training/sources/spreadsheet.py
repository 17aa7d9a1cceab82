"""The first sheet of an Excel workbook (.xlsx), read from its XML.

Its cells are text, numbers, booleans and dates; formulas count with their last result. A table
needs so little of the format that we do without a library.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

from training.errors import SourceUnavailable

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_PLACE = re.compile(r"([A-Z]+)(\d+)")
_DATE_FORMATS = {*range(14, 23), *range(45, 48)}
_QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
# Day 0 of Excel's calendar, which treats 1900 as a leap year.
_EPOCH = datetime(1899, 12, 30)
# No real spreadsheet is this large; a small file that unpacks to more is an attack.
_MOST_UNPACKED = 2 << 30


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first sheet, the header first, with their numbers.

    Raises:
        SourceUnavailable: naming the file, if it isn't such a workbook.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
                raise SourceUnavailable(f"{path}: unpacks to over 2 GB; save it as CSV")
            yield from _sheet(archive)
    except (zipfile.BadZipFile, zlib.error, ElementTree.ParseError, KeyError, ValueError) as error:
        raise SourceUnavailable(
            f"{path}: isn't an Excel workbook that can be read ({error}); save it as CSV"
        ) from error


def _sheet(archive: zipfile.ZipFile) -> Iterator[tuple[int, list[str]]]:
    texts = _texts(archive)
    dates = _date_styles(archive)
    width = 0
    with archive.open(_first_sheet(archive)) as file:
        for number, row in enumerate(_elements(file, "row"), 1):
            cells: dict[int, str] = {}
            for place, cell in enumerate(row.iter(f"{_MAIN}c")):
                found = _PLACE.fullmatch(cell.get("r", ""))
                cells[_column(found[1]) if found else place] = _value(cell, texts, dates)
            width = width or (max(cells, default=-1) + 1)
            if any(cells.values()):
                used = max(width, max(cells) + 1)
                filled = [cells.get(column, "") for column in range(used)]
                while len(filled) > width and not filled[-1]:
                    filled.pop()
                yield int(row.get("r", number)), filled


def _elements(file: IO[bytes], name: str) -> Iterator[ElementTree.Element]:
    for _, element in ElementTree.iterparse(file):
        if element.tag == f"{_MAIN}{name}":
            yield element
            element.clear()


def _first_sheet(archive: zipfile.ZipFile) -> str:
    book = ElementTree.fromstring(archive.read(_WORKBOOK))
    sheet = next(book.iter(f"{_MAIN}sheet"))
    wanted = sheet.get(_RELATION)
    for relation in ElementTree.fromstring(archive.read(_RELATIONS)):
        if relation.get("Id") == wanted:
            target = relation.get("Target", "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(f"no sheet {wanted}")


def _texts(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    with archive.open("xl/sharedStrings.xml") as file:
        return [_text(item) for item in _elements(file, "si")]


def _text(element: ElementTree.Element) -> str:
    """Return an item's text, without the phonetic guides that Asian text may have."""
    runs = [element, *element.iter(f"{_MAIN}r")]
    return "".join(t.text or "" for run in runs for t in run.findall(f"{_MAIN}t"))


def _date_styles(archive: zipfile.ZipFile) -> set[str]:
    """Return the numbers of date styles."""
    if "xl/styles.xml" not in archive.namelist():
        return set()
    styles = ElementTree.fromstring(archive.read("xl/styles.xml"))
    own = {
        int(form.get("numFmtId", 0))
        for form in styles.iter(f"{_MAIN}numFmt")
        if re.search("[ymdhs]", _QUOTED.sub("", form.get("formatCode", "")), re.IGNORECASE)
    }
    formats = styles.find(f"{_MAIN}cellXfs")
    return {
        str(number)
        for number, form in enumerate(formats if formats is not None else ())
        if int(form.get("numFmtId", 0)) in _DATE_FORMATS | own
    }


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: ElementTree.Element, texts: list[str], dates: set[str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        found = cell.find(f"{_MAIN}is")
        return "" if found is None else _text(found)
    value = cell.findtext(f"{_MAIN}v") or ""
    if kind == "s":
        return texts[int(value)]
    if kind == "e":
        return ""  # a formula's error, as #N/A
    if kind == "n" and value and cell.get("s", "") in dates:
        return (_EPOCH + timedelta(days=float(value))).date().isoformat()
    return value
