"""Delimited text as people save it: its encoding, its separator, and its rows with line numbers."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from training.errors import SourceUnavailable

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD_BYTES = 65_536
_CHUNK_BYTES = 1 << 20
# Western text has single accented letters between plain ones. Cyrillic, Greek or Asian text read as
# Windows-1252 has whole runs of them, so the encoding would be wrong without an error.
_FOREIGN_RUN = re.compile(rb"[\x80-\xff]{3,}")
_MOST_FOREIGN = 0.2
# A cell may hold a film's whole crew as JSON; the csv module's own limit is 131,072.
_MOST_CELL = 1 << 24
_SNIFFED_ROWS = 50


class TextFormat(NamedTuple):
    """A text file's format.

    Attributes:
        skip: lines before the header, such as Excel's `sep=;`.
    """

    encoding: str
    separator: str
    skip: int = 0


def sniff(path: Path, encoding: str | None = None) -> TextFormat:
    """Detect a text file's format.

    Raises:
        SourceUnavailable: naming file, line and fix, if it isn't readable text.
    """
    found = encoding or _encoding(path)
    return TextFormat(found, *_separator(path, found))


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > 0.3 * len(head) / 2:
        return "utf-16-be" if even > odd else "utf-16-le"
    if b"\0" in head:
        line = head[: head.index(0)].count(b"\n") + 1
        raise SourceUnavailable(
            f"{path}: line {line} holds a NUL byte, so the file is damaged or isn't text; "
            "save it again as CSV in UTF-8"
        )
    return _utf_8_or_windows(path)


def _utf_8_or_windows(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    high = foreign = 0
    utf_8 = True
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            if utf_8:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    utf_8 = False
            foreign += sum(map(len, _FOREIGN_RUN.findall(chunk)))
            high += len(chunk) - len(chunk.translate(None, bytes(range(128, 256))))
        try:
            decoder.decode(b"", final=utf_8)
        except UnicodeDecodeError:
            utf_8 = False
    if utf_8:
        return "utf-8"
    if foreign > _MOST_FOREIGN * high:
        raise SourceUnavailable(
            f"{path}: isn't UTF-8, UTF-16 or Windows-1252; save it as UTF-8, or name its encoding "
            "with --encoding (cp1251, shift_jis, gb18030 and so on)"
        )
    return "cp1252"


def _separator(path: Path, encoding: str) -> tuple[str, int]:
    lines: list[str] = []
    with _opened(path, encoding) as file:
        try:
            for line in file:
                lines.append(line)
                if len(lines) >= _SNIFFED_ROWS:
                    break
        except UnicodeError as error:
            raise _undecodable(path, encoding, error, len(lines) + 1) from error
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) <= 5:
        return lines[0].strip("\r\n")[4:] or ",", 1
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t", 0
    return max(SEPARATORS, key=lambda separator: _columns(lines, separator)), 0


def _columns(lines: list[str], separator: str) -> tuple[float, int]:
    """Return how well a separator splits lines: the share of rows as long as the header."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        rows = [line.split(separator) for line in lines]
    width = len(rows[0]) if rows else 0
    if width < 2:
        return 0.0, 0
    alike = sum(len(row) == width for row in rows) / len(rows)
    return (1.0 if alike > 0.5 else alike), width


def _opened(path: Path, encoding: str) -> TextIO:
    try:
        return path.open(encoding=encoding, newline="")
    except LookupError:
        raise SourceUnavailable(
            f"--encoding: {encoding!r} isn't an encoding that Python knows; try utf-8 or cp1252"
        ) from None


def _undecodable(path: Path, encoding: str, error: UnicodeError, line: int) -> SourceUnavailable:
    reason = getattr(error, "reason", str(error))
    return SourceUnavailable(
        f"{path}: after line {line - 1}: isn't {encoding} ({reason}); save it as UTF-8, or name "
        "its encoding with --encoding"
    )


def rows(path: Path, form: TextFormat) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a file, the header first, each with its first line's number.

    Raises:
        SourceUnavailable: naming file, line and fix, if the text is damaged.
    """
    csv.field_size_limit(_MOST_CELL)
    line = 1
    with _opened(path, form.encoding) as file:
        for _ in range(form.skip):
            next(file, None)
        reader = csv.reader(_without_nul(path, file), delimiter=form.separator, strict=True)
        try:
            while True:
                line = form.skip + reader.line_num + 1
                cells = next(reader, None)
                if cells is None:
                    return
                if cells:
                    yield line, cells
        except csv.Error as error:
            raise SourceUnavailable(f"{path}: line {line}: {_explained(error)}") from error
        except UnicodeError as error:
            raise _undecodable(path, form.encoding, error, line) from error


def _without_nul(path: Path, lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise SourceUnavailable(
                f"{path}: line {number} holds a NUL byte, so the file is damaged or isn't text; "
                "save it again as CSV in UTF-8"
            )
        yield line


def _explained(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text or "field larger than" in text:
        return 'a quote (") that opens in this row is never closed; close it or remove it'
    if "expected after" in text:
        return 'a quote (") inside a cell isn\'t doubled; write "" for it'
    return text
