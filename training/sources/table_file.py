"""A table in any common file: delimited text, Excel, Parquet or JSON lines, as rows of text."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data.films import normalise
from training.errors import SourceUnavailable
from training.sources import spreadsheet, text_file

Rows = Iterator[tuple[int, list[str]]]

_HEAD_BYTES = 4_096
# The first bytes of files that certainly aren't tables.
_NOT_TABLES = (
    (b"\x1f\x8b", "is compressed (gzip); unpack it first"),
    (b"BZh", "is compressed (bzip2); unpack it first"),
    (b"%PDF", "is a PDF; export the table itself as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel file (.xls); save it as .xlsx or CSV"),
    (b"SQLite format 3", "is an SQLite database; export the table as CSV"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the file; run `git lfs pull`"),
)
_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class TableFile:
    """A table's file, opened and read up to its header.

    Attributes:
        form: the kind of file, for messages: `CSV (UTF-8, semicolons)`.
        header: the names of its columns, as written.
        header_line: the header's line number.
        read: starts reading, the header first; may be called again.
    """

    path: Path
    form: str
    header: tuple[str, ...]
    header_line: int
    read: Callable[[], Rows]

    def rows(self) -> Rows:
        """Yield the rows below the header, each with its line number."""
        found = self.read()
        next(found, None)
        yield from found

    def column(self, name: str) -> int:
        """Return the position of a column by its name, in any case.

        Raises:
            SourceUnavailable: if there is none, or more than one.
        """
        wanted = plain(name)
        places = [i for i, own in enumerate(self.header) if plain(own) == wanted]
        if not places:
            raise SourceUnavailable(
                f"{self.path}: line {self.header_line} lacks the column {name!r}; it has "
                f"{', '.join(map(repr, self.header))[:300]}"
            )
        if len(places) > 1:
            raise SourceUnavailable(
                f"{self.path}: line {self.header_line} has the column {name!r} twice (columns "
                f"{places[0] + 1} and {places[1] + 1}); rename or remove one"
            )
        return places[0]

    def has(self, name: str) -> bool:
        """Return whether there is such a column, in any case."""
        return plain(name) in map(plain, self.header)

    def repeated(self) -> list[str]:
        """Return the names of more than one column."""
        counts = Counter(plain(name) for name in self.header if name)
        return [name for name, times in counts.items() if times > 1]


def plain(name: str) -> str:
    """Return a column's name without case, spaces and underscores."""
    return normalise(name).casefold().replace(" ", "").replace("_", "").strip("\ufeff")


def open_table(path: Path, encoding: str | None = None) -> TableFile:
    """Open a table.

    Args:
        path: any common kind of file, judged by its content, not its name.
        encoding: of text; None to detect it.

    Raises:
        SourceUnavailable: naming file, line and fix, if it isn't a table.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise SourceUnavailable(f"{path}: {error.strerror}") from error
    if not head.strip():
        raise SourceUnavailable(f"{path}: is empty")
    form, read = _kind(path, head, encoding)
    line, header = next(read(), (1, []))
    names = tuple(normalise(name.strip("\ufeff")) for name in header)
    if len(names) < 2:
        raise SourceUnavailable(
            f"{path}: line {line} has only one column ({', '.join(names)[:60]!r}); columns are "
            "separated by commas, semicolons, tabs or bars"
        )
    return TableFile(path, form, names, line, read)


def _kind(path: Path, head: bytes, encoding: str | None) -> tuple[str, Callable[[], Rows]]:
    for start, what in _NOT_TABLES:
        if head.startswith(start):
            raise SourceUnavailable(f"{path}: {what}")
    if head.startswith(b"PK"):
        return "Excel workbook", lambda: spreadsheet.rows(path)
    if head.startswith(b"PAR1"):
        return "Parquet", lambda: _parquet(path)
    form = text_file.sniff(path, encoding)
    with path.open(encoding=form.encoding, errors="replace") as file:
        start_of_text = file.read(_HEAD_BYTES).lstrip("\ufeff \t\r\n")
    if start_of_text[:1] == "<":
        kind = "a web page (HTML)" if "<html" in start_of_text.casefold() else "XML"
        raise SourceUnavailable(
            f"{path}: is {kind}, not a table; download the file itself (often a Download or Raw "
            "button), not the page around it"
        )
    if start_of_text[:1] in "{[":
        return "JSON", lambda: _json(path, form.encoding)
    encoding_name = {"utf-8-sig": "utf-8", "cp1252": "Windows-1252"}.get(
        form.encoding, form.encoding
    )
    separator = text_file.SEPARATORS.get(form.separator, repr(form.separator))
    return f"text ({encoding_name}, {separator})", lambda: text_file.rows(path, form)


def _parquet(path: Path) -> Rows:
    from training.database import DatabaseError, connect

    with tempfile.TemporaryDirectory(prefix="greenlight-table-") as scratch:
        try:
            with connect(Path(scratch), ordered=True) as database:
                found = database.execute("SELECT * FROM read_parquet($1)", [str(path)])
                yield 1, [column[0] for column in found.description or ()]
                line = 1
                while chunk := found.fetchmany(_ROWS_AT_ONCE):
                    for cells in chunk:
                        line += 1
                        yield line, [_text(cell) for cell in cells]
        except DatabaseError as error:
            reason = str(error).splitlines()[0][:200]
            raise SourceUnavailable(f"{path}: isn't Parquet that can be read: {reason}") from error


def _json(path: Path, encoding: str) -> Rows:
    """Yield the objects of a JSON array or of JSON lines; missing values become empty."""
    names: dict[str, int] = {}
    for _, found in _objects(path, encoding):
        for name in found:
            names.setdefault(name, len(names))
    yield 1, list(names)
    for line, found in _objects(path, encoding):
        yield line, [_text(found.get(name)) for name in names]


def _objects(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, object]]]:
    with path.open(encoding=encoding) as file:
        first = file.read(1)
        while first and first.isspace():
            first = file.read(1)
        file.seek(0)
        if first == "[":
            yield from _array(path, file.read())
            return
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, _object(path, number, line)


def _array(path: Path, text: str) -> Iterator[tuple[int, dict[str, object]]]:
    try:
        found = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise SourceUnavailable(f"{path}: line {error.lineno}: isn't JSON: {error.msg}") from error
    except RecursionError as error:
        raise SourceUnavailable(f"{path}: isn't a list of objects: it's nested too deep") from error
    for number, entry in enumerate(found, 1):
        if not isinstance(entry, dict):
            raise SourceUnavailable(f"{path}: entry {number} isn't an object with named values")
        yield number, entry


def _object(path: Path, number: int, line: str) -> dict[str, object]:
    try:
        found = json.loads(line.lstrip("\ufeff"))
    except (json.JSONDecodeError, RecursionError) as error:
        reason = getattr(error, "msg", "nested too deep")
        raise SourceUnavailable(
            f"{path}: line {number}: isn't JSON: {reason}; write one object a line"
        ) from error
    if not isinstance(found, dict):
        raise SourceUnavailable(f"{path}: line {number}: isn't an object with named values")
    return found


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool | int | float):
        return repr(cell)
    if isinstance(cell, list | tuple | dict):
        return json.dumps(cell, ensure_ascii=False, default=str)
    return str(cell)
