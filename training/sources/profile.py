"""Statistics of a table's columns, from one pass over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from data.films import normalise
from training.sources.cells import (
    has_decimal_comma,
    is_empty,
    list_of,
    number_of,
    separator_in,
    whole_of,
)
from training.sources.table_file import TableFile

_ROWS_AT_ONCE = 10_000
# The shares of a column's cells that make it a column of numbers, of whole numbers, and so on.
_MOSTLY = 0.9


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        cells: how often each different cell occurs, as written.
        rows: the number of rows.
    """

    name: str
    cells: Counter[str]
    rows: int

    @cached_property
    def empty(self) -> dict[str, int]:
        """How often each way of writing a missing value occurs."""
        return {cell: times for cell, times in self.cells.items() if is_empty(cell)}

    @cached_property
    def filled(self) -> int:
        """How many cells have a value."""
        return self.rows - sum(self.empty.values())

    @cached_property
    def values(self) -> Counter[str]:
        """How often each different value occurs, normalised, without empty ones."""
        counts: Counter[str] = Counter()
        for cell, times in self.cells.items():
            if not is_empty(cell):
                counts[normalise(cell)] += times
        return counts

    @cached_property
    def decimal_comma(self) -> bool:
        """Whether its numbers have decimal commas."""
        return has_decimal_comma(self.values)

    @cached_property
    def numbers(self) -> Counter[float]:
        """How often each number occurs."""
        counts: Counter[float] = Counter()
        for value, times in self.values.items():
            number = number_of(value, decimal_comma=self.decimal_comma)
            if number is not None:
                counts[number] += times
        return counts

    @cached_property
    def wholes(self) -> Counter[int]:
        """How often each whole number or year of a date occurs."""
        counts: Counter[int] = Counter()
        for value, times in self.values.items():
            whole = whole_of(value)
            if whole is not None:
                counts[whole] += times
        return counts

    @property
    def is_number(self) -> bool:
        """Whether nearly all of its values are numbers."""
        return self.numbers.total() >= _MOSTLY * max(1, self.filled)

    @property
    def is_whole(self) -> bool:
        """Whether nearly all of its values are whole numbers or dates."""
        return self.wholes.total() >= _MOSTLY * max(1, self.filled)

    @cached_property
    def separator(self) -> str:
        """The separator of the names in its cells; empty if each has one name."""
        return separator_in(self.values)

    @cached_property
    def is_list(self) -> bool:
        """Whether its cells are JSON or Python lists."""
        lists = sum(times for value, times in self.values.items() if value[:1] in ("[", "{"))
        return lists >= _MOSTLY * max(1, self.filled)

    def names(self, separator: str) -> Counter[str]:
        """Return how often each name occurs in its cells, split at this separator."""
        counts: Counter[str] = Counter()
        for value, times in self.values.items():
            for name in list_of(value, separator):
                counts[name] += times
        return counts


@dataclass(frozen=True)
class TableProfile:
    """All columns of a table.

    Attributes:
        uneven: the first few lines whose number of cells differs from the header's.
    """

    columns: list[Column]
    rows: int
    uneven: list[int]

    def column(self, table: TableFile, name: str) -> Column:
        """Return a column by its name."""
        return self.columns[table.column(name)]


def profile_of(table: TableFile) -> TableProfile:
    """Return the statistics of a table's columns.

    Raises:
        SourceUnavailable: as the file's reader does.
    """
    width = len(table.header)
    counts: list[Counter[str]] = [Counter() for _ in range(width)]
    rows, uneven = 0, []
    found = table.rows()
    while chunk := list(islice(found, _ROWS_AT_ONCE)):
        rows += len(chunk)
        uneven += [line for line, cells in chunk if len(cells) != width]
        _count(counts, [cells for _, cells in chunk if len(cells) == width])
    columns = [
        Column(name, cells, cells.total()) for name, cells in zip(table.header, counts, strict=True)
    ]
    return TableProfile(columns, rows, uneven)


def _count(counts: list[Counter[str]], rows: Sequence[list[str]]) -> None:
    for column, cells in zip(counts, zip(*rows, strict=True), strict=False):
        column.update(cells)
