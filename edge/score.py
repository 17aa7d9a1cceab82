"""Scoring a whole table of films, file to file, in bounded memory.

Cells repeat a lot (directors, genres, years), so each different one is checked once and then
looked up; numbers are written by msgspec, whose shortest digits read back as the same float.
"""

from __future__ import annotations

import csv
import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from data.errors import GreenlightError, InvalidRecord
from data.film_table import TableUnreadable, year_of
from data.films import NO_GENRE, normalise
from edge.model import Model, Rows

NEEDED = ("title", "year", "Director1", "Genre1", "Genre2", "Genre3")
COLUMNS = ("title", "year", "director", "expected", *(f"p{stars}" for stars in range(1, 11)))

# Few enough that what is made of a block is still in the cache when it is written.
_BLOCK_ROWS = 2048
# Different cells kept at most; a file of ever new directors must not fill the memory.
_KEPT_CELLS = 100_000

Value = TypeVar("Value")
Row = Sequence[str]


class CannotWrite(GreenlightError):
    """The predictions cannot be written where they were asked for."""


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
        CannotWrite: if the disk is full, or the folder is not there.
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
        except OSError as error:
            raise CannotWrite(f"{target}: {error.strerror}") from error
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
    parser = _Parser(header)
    writer = _Writer(out_delimiter)
    out.write(out_delimiter.join(COLUMNS) + "\n")
    done = 0
    # ONNX Runtime scores one block on its own thread while the one before is being written.
    with ThreadPoolExecutor(max_workers=1) as scorer:
        before: tuple[_Block, Future[Rows]] | None = None
        for rows in _blocks(reader):
            block = parser.parse(rows, done)
            scored = scorer.submit(model.rows, block.directors, block.years, block.slots)
            if before is not None:
                writer.write(before[0], before[1].result(), out)
            before = block, scored
            done += len(rows)
            if progress is not None:
                progress(file.buffer.tell(), done)  # type: ignore[attr-defined]
        if before is not None:
            writer.write(before[0], before[1].result(), out)
    return done


def _blocks(reader: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while block := list(islice(reader, _BLOCK_ROWS)):
        rows = [row for row in block if row]
        if rows:
            yield rows


class _Block(NamedTuple):
    """Rows to be scored: the cells that are written again, and what the model takes."""

    titles: Row
    director_cells: Row
    directors: NDArray[np.object_]
    years: NDArray[np.int64]
    slots: NDArray[np.object_]


class _Parser:
    """Makes blocks of rows; each different cell is checked once."""

    def __init__(self, header: Row) -> None:
        self._header = header
        self._places = [header.index(column) for column in NEEDED]
        self._years = _Cells(year_of)
        self._directors = _Cells(_director)
        self._genres = _Cells(_genre)

    def parse(self, rows: Sequence[Row], before: int) -> _Block:
        if {*map(len, rows)} != {len(self._header)}:
            self._find_fault(rows, before)
        columns = list(zip(*rows, strict=True))
        titles, years, directors, *genres = (columns[place] for place in self._places)
        slots = np.empty((len(rows), len(genres)), object)
        try:
            for slot, cells in enumerate(genres):
                slots[:, slot] = [self._genres[cell] for cell in cells]
            return _Block(
                titles,
                directors,
                np.array([self._directors[cell] for cell in directors], object),
                np.array([self._years[cell] for cell in years], np.int64),
                slots,
            )
        except InvalidRecord:
            self._find_fault(rows, before)
            raise

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


class _Writer:
    """Writes scored blocks."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter

    def write(self, block: _Block, found: Rows, out: IO[str]) -> None:
        assert found.probabilities is not None
        numbers = np.column_stack([found.expected, found.probabilities]).astype(np.float64)
        written = msgspec.json.encode(numbers.tolist()).decode("ascii")[2:-2].split("],[")
        if self._delimiter != ",":
            written = [line.replace(",", self._delimiter) for line in written]
        titles, directors = self._quoted(block.titles), self._quoted(block.director_cells)
        years = map(str, block.years.tolist())
        lines = zip(titles, years, directors, written, strict=True)
        out.write("\n".join(map(self._delimiter.join, lines)) + "\n")

    def _quoted(self, cells: Row) -> list[str]:
        """Return cells as csv writes them: in quotes only where it must be."""
        delimiter, together = self._delimiter, "".join(cells)
        if '"' not in together and "\n" not in together and "\r" not in together:
            # Most blocks: nothing but the delimiter asks for quotes.
            return [f'"{cell}"' if delimiter in cell else cell for cell in cells]
        special = {delimiter, '"', "\n", "\r"}
        return [
            cell if special.isdisjoint(cell) else '"' + cell.replace('"', '""') + '"'
            for cell in cells
        ]


def _director(cell: str) -> str:
    name = normalise(cell)
    if name in ("", NO_GENRE):
        raise InvalidRecord("Director1", "is empty; a film has a director")
    return name


def _genre(cell: str) -> str:
    return normalise(cell) or NO_GENRE
