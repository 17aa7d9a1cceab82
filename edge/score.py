"""Scoring a whole table of films, file to file, in bounded memory.

Cells repeat a lot (directors, genres, years), so each different one is checked once and then
looked up; numbers are written by msgspec, whose shortest digits read back as the same float.
"""

from __future__ import annotations

import csv
import gc
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Generic, TypeVar

import msgspec
import numpy as np

from data.errors import InvalidRecord
from data.film_table import TableUnreadable, year_of
from data.films import NO_GENRE, normalise
from edge.model import Model

NEEDED = ("title", "year", "Director1", "Genre1", "Genre2", "Genre3")
COLUMNS = ("title", "year", "director", "expected", *(f"p{stars}" for stars in range(1, 11)))

# Few enough that what is made of a block is still in the cache when it is written.
_BLOCK_ROWS = 2048
# Different cells kept at most; a file of ever new directors must not fill the memory.
_KEPT_CELLS = 100_000

Value = TypeVar("Value")
Row = Sequence[str]


class _Cells(dict[str, Value], Generic[Value]):
    """Remembers what each different cell of a column means."""

    def __init__(self, meaning: Callable[[str], Value]) -> None:
        super().__init__()
        self._meaning = meaning

    def __missing__(self, cell: str) -> Value:
        if len(self) >= _KEPT_CELLS:
            self.clear()
        value = self[cell] = self._meaning(cell)
        return value


def score_file(
    model: Model,
    source: Path,
    target: Path,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write what the model says of every row of a film table, in order.

    Args:
        model: that is asked.
        source: a csv or tsv file with the columns of NEEDED; others are not looked at.
        target: gets the columns of COLUMNS, whole or not at all.
        progress: told of (bytes read, rows written) after each block.

    Returns:
        The number of rows.

    Raises:
        TableUnreadable: if the file is no such table.
        InvalidRecord: naming row and column of what cannot be scored.
    """
    fresh = target.with_name(f".{target.name}.new")
    try:
        file = source.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise TableUnreadable(f"{source}: {error.strerror}") from error
    with file:
        try:
            with fresh.open("w", encoding="utf-8", newline="") as out, _collector_paused():
                rows = _score(model, file, _delimiter(source), out, _delimiter(target), progress)
            fresh.replace(target)
        except (csv.Error, UnicodeDecodeError) as error:
            raise TableUnreadable(f"{source}: {error}") from error
        finally:
            fresh.unlink(missing_ok=True)
    return rows


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the cycle collector: scoring makes millions of rows and no cycles."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _score(
    model: Model,
    file: IO[str],
    delimiter: str,
    out: IO[str],
    out_delimiter: str,
    progress: Callable[[int, int], None] | None,
) -> int:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    header = [normalise(cell) for cell in next(reader, [])]
    for column in NEEDED:
        if column not in header:
            raise TableUnreadable(f"{file.name}: line 1 lacks the column {column!r}")
    block = _Block(model, header, out_delimiter)
    out.write(out_delimiter.join(COLUMNS) + "\n")
    done = 0
    for rows in _blocks(reader):
        block.write(rows, done, out)
        done += len(rows)
        if progress is not None:
            progress(file.buffer.tell(), done)  # type: ignore[attr-defined]
    return done


def _blocks(reader: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while block := list(islice(reader, _BLOCK_ROWS)):
        rows = [row for row in block if row]
        if rows:
            yield rows


class _Block:
    """Scores one block of rows after the other."""

    def __init__(self, model: Model, header: Sequence[str], delimiter: str) -> None:
        self._model = model
        self._header = header
        self._delimiter = delimiter
        self._special = re.compile(f'[{delimiter}"\r\n]').search
        self._places = [header.index(column) for column in NEEDED]
        self._years = _Cells(year_of)
        self._directors = _Cells(_director)
        self._genres = _Cells(_genre)
        self._quoted = _Cells(self._quote)

    def write(self, rows: Sequence[Row], before: int, out: IO[str]) -> None:
        if {*map(len, rows)} != {len(self._header)}:
            self._find_fault(rows, before)
        columns = list(zip(*rows, strict=True))
        titles, year_cells, director_cells, *genre_cells = (columns[p] for p in self._places)
        try:
            years = [self._years[cell] for cell in year_cells]
            directors = np.array([self._directors[cell] for cell in director_cells], object)
            slots = np.empty((len(rows), 3), object)
            for slot, cells in enumerate(genre_cells):
                slots[:, slot] = [self._genres[cell] for cell in cells]
        except InvalidRecord:
            self._find_fault(rows, before)
            raise
        found = self._model.rows(directors, np.array(years, np.int64), slots)
        assert found.probabilities is not None
        numbers = np.column_stack([found.expected, found.probabilities]).astype(np.float64)
        out.writelines(self._lines(titles, years, director_cells, numbers.tolist()))

    def _lines(
        self, titles: Row, years: Sequence[int], directors: Row, numbers: list[list[float]]
    ) -> Iterator[str]:
        written = msgspec.json.encode(numbers).decode("ascii")[2:-2].split("],[")
        d, special, quote, quoted = self._delimiter, self._special, self._quote, self._quoted
        if d != ",":
            written = [line.replace(",", d) for line in written]
        return (
            f"{quote(title) if special(title) else title}{d}{year}{d}{quoted[director]}{d}{line}\n"
            for title, year, director, line in zip(titles, years, directors, written, strict=True)
        )

    def _quote(self, cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if self._special(cell) else cell

    def _find_fault(self, rows: Sequence[Row], before: int) -> None:
        """Raise InvalidRecord, naming row and column, for the first row that cannot be scored."""
        for number, row in enumerate(rows, before + 1):
            if len(row) != len(self._header):
                raise InvalidRecord(
                    f"row {number}", f"has {len(row)} cells; the header has {len(self._header)}"
                )
            try:
                year_of(row[self._places[1]])
                _director(row[self._places[2]])
            except InvalidRecord as error:
                raise InvalidRecord(f"row {number}: {error.field}", error.reason) from error


def _director(cell: str) -> str:
    name = normalise(cell)
    if name in ("", NO_GENRE):
        raise InvalidRecord("Director1", "is empty; a film has a director")
    return name


def _genre(cell: str) -> str:
    return normalise(cell) or NO_GENRE
