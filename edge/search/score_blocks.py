"""Rows of film tables on their way to the model, and back into a file, block by block.

Cells repeat a lot (directors, genres, years), so each different one is checked once and then
looked up; numbers are written by msgspec, whose shortest digits read back as the same float.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import IO, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from data.errors import InvalidRecord
from data.film_table import year_of
from data.films import NO_GENRE, normalise
from edge.search.model import Rows

NEEDED = ("title", "year", "Director1", "Genre1", "Genre2", "Genre3")
COLUMNS = (
    *("title", "year", "director", "expected"),
    *(f"p{stars}" for stars in range(1, 11)),
    "unknown",
)

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
    """Rows to score: the cells to write again, the model's inputs, and the names it lacks."""

    titles: Row
    director_cells: Row
    directors: NDArray[np.object_]
    years: NDArray[np.int64]
    slots: NDArray[np.object_]
    unknown: Row


class KnownNames(NamedTuple):
    """What a model knows by name, and what it calls these: `director`, `genre`."""

    directors: Collection[str]
    genres: Collection[str]
    director: str
    genre: str


class Parser:
    """Makes blocks of rows; each different cell is checked once.

    Args:
        header: of the table.
        known: to say of each row what the model doesn't know; None to say nothing.
    """

    def __init__(self, header: Row, known: KnownNames | None = None) -> None:
        self._known = known
        self.unknown: Counter[str] = Counter()
        self._header = header
        self._places = [header.index(column) for column in NEEDED]
        self._years = _Cells(year_of)
        self._directors = _Cells(_director)
        self._genres = _Cells(_genre)
        if known is not None:
            unknown_genre = _Cells(lambda cell: _unknown_genre(cell, known))
            unknown_director = _Cells(lambda cell: _unknown_director(cell, known))
            self._unknown_cells = (unknown_director, *[unknown_genre] * 3)

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
            unknown = self._unknown_in((directors, *genres))
            return Block(titles, directors, names, numbers, slots, unknown)
        except InvalidRecord:
            self._find_fault(rows, before)
            raise

    def _unknown_in(self, columns: Sequence[Row]) -> Row:
        """Return what the model doesn't know of each row, in words; empty where it knows all."""
        if self._known is None:
            return [""] * len(columns[0])
        found = [
            list(map(cells.__getitem__, column))
            for cells, column in zip(self._unknown_cells, columns, strict=True)
        ]
        if not any(map(any, found)):
            return [""] * len(found[0])
        for column in found:
            self.unknown.update(filter(None, column))
        return ["; ".join(filter(None, row)) for row in zip(*found, strict=True)]

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
                raise InvalidRecord(f"`{error.field}` in row {number}", error.reason) from error


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
        years, unknown = map(str, block.years.tolist()), self._quoted(block.unknown)
        lines = zip(titles, years, directors, written, unknown, strict=True)
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


def _unknown_director(cell: str, known: KnownNames) -> str:
    name = normalise(cell)
    return "" if name in known.directors else _unknown(known.director, name)


def _unknown_genre(cell: str, known: KnownNames) -> str:
    name = normalise(cell)
    if name in ("", NO_GENRE) or name in known.genres:
        return ""
    return _unknown(known.genre, name)


def _unknown(word: str, name: str) -> str:
    several = any(mark in name for mark in "|;,[")
    return f"{word} {name[:60]!r}" + (": several in a cell; give one" if several else "")


def _genre(cell: str) -> str:
    return normalise(cell) or NO_GENRE
