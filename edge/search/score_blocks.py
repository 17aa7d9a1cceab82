"""Rows of film tables on their way to the model, and back into a file, block by block.

Cells repeat a lot (directors, genres, years), so each different one is checked once and then
looked up; numbers are written by msgspec, whose shortest digits read back as the same float.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidRecord
from data.film_table import year_of
from data.films import NO_GENRE, normalise
from edge.search.model import Rows

NEEDED = ("title", "year", "Director1", "Genre1", "Genre2", "Genre3")
COLUMNS = ("title", "year", "director", "expected", *(f"p{stars}" for stars in range(1, 11)))

# The size of the cache of cells; a file full of new directors must not fill the memory.
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


class Block(NamedTuple):
    """Rows to score: the cells to write again, and the model's inputs."""

    titles: Row
    director_cells: Row
    directors: NDArray[np.object_]
    years: NDArray[np.int64]
    slots: NDArray[np.object_]


class Parser:
    """Makes blocks of rows; each different cell is checked once."""

    def __init__(self, header: Row) -> None:
        self._header = header
        self._places = [header.index(column) for column in NEEDED]
        self._years = _Cells(year_of)
        self._directors = _Cells(_director)
        self._genres = _Cells(_genre)

    def parse(self, rows: Sequence[Row], before: int) -> Block:
        """Return rows as a block.

        Raises:
            InvalidRecord: naming the row, counted on from `before`, and the column.
        """
        if {*map(len, rows)} != {len(self._header)}:
            self._find_fault(rows, before)
        columns = list(zip(*rows, strict=True))
        titles, years, directors, *genres = (columns[place] for place in self._places)
        names = np.empty(len(rows), object)
        slots = np.empty((len(rows), len(genres)), object)
        try:
            for slot, cells in enumerate(genres):
                slots[:, slot] = list(map(self._genres.__getitem__, cells))
            names[:] = list(map(self._directors.__getitem__, directors))
            numbers = np.array(list(map(self._years.__getitem__, years)), np.int64)
            return Block(titles, directors, names, numbers, slots)
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


class ScoreWriter:
    """Writes scored blocks."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter

    def write(self, blocks: list[tuple[Block, Rows]], out: IO[str]) -> int:
        """Write scored blocks; return how many rows they have."""
        for block, found in blocks:
            self._write(block, found, out)
        return sum(len(block.years) for block, _ in blocks)

    def _write(self, block: Block, found: Rows, out: IO[str]) -> None:
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
        """Return cells as csv writes them, quoted only where necessary."""
        delimiter, together = self._delimiter, "".join(cells)
        if '"' not in together and "\n" not in together and "\r" not in together:
            # In most blocks, only the delimiter needs quoting.
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
