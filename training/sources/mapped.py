"""The rows of a table as mapped by a domain: choice, ordinal, tags and outcome as a film."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from data.domain import NO_TAG, Domain
from data.errors import InvalidRecord
from data.film_table import BadRow
from data.films import Film, kind_of, normalise, sorted_genres, stars_of
from training.sources.cells import (
    directors_in,
    has_decimal_comma,
    is_empty,
    list_of,
    number_of,
    whole_of,
)
from training.sources.table_file import TableFile

# In `[choice] separator`: the cell is a film's crew, and its director counts.
CREW = "crew"


class MappedTable:
    """A table's file read through a domain.

    Args:
        table: the open file.
        domain: maps the columns.

    Raises:
        SourceUnavailable: naming the column that is missing, or occurs twice.
    """

    def __init__(self, table: TableFile, domain: Domain) -> None:
        self.table, self.domain = table, domain
        self._choice = table.column(domain.choice.column)
        self._ordinal = table.column(domain.ordinal.column) if domain.ordinal else None
        self._tags = [table.column(name) for name in domain.tags.columns] if domain.tags else []
        self._outcome = table.column(domain.outcome.column)
        self._title = table.column(domain.extra.title) if domain.extra.title else None
        self._votes = table.column(domain.extra.votes) if domain.extra.votes else None
        self._comma, self._kept = self._learn()

    def _learn(self) -> tuple[bool, frozenset[str] | None]:
        """Return whether outcomes have decimal commas, and which tags are kept."""
        tags = self.domain.tags
        outcomes: set[str] = set()
        counts: Counter[str] = Counter()
        for _, cells in self.table.rows():
            if len(cells) == len(self.table.header):
                outcomes.add(cells[self._outcome])
                if tags is not None and tags.keep is not None:
                    counts.update(self._names(cells))
        kept = None
        if tags is not None and tags.keep is not None:
            kept = frozenset(name for name, _ in counts.most_common(tags.keep))
        return has_decimal_comma(outcomes), kept

    def rows(self) -> Iterator[Film | BadRow]:
        """Yield each row as a film, or why it isn't one."""
        width = len(self.table.header)
        for line, cells in self.table.rows():
            if len(cells) != width:
                reason = f"it has {len(cells)} cells; the header has {width}"
                yield BadRow(line, reason, tuple(cells))
                continue
            try:
                yield self._film(line, cells)
            except InvalidRecord as error:
                yield BadRow(line, str(error), tuple(cells))

    def _film(self, line: int, cells: list[str]) -> Film:
        domain = self.domain
        choice = self._chosen(cells[self._choice])
        year = self._year(cells)
        genres = self._genres(cells)
        rating = self._rating(cells[self._outcome])
        if self._title is None:
            title = f"{domain.words.thing} {line}"
        else:
            title = normalise(cells[self._title])
            if is_empty(title):
                raise InvalidRecord(domain.extra.title or "", "is empty; give its name")
        votes = None if self._votes is None else number_of(cells[self._votes])
        film = Film(
            title=title,
            year=year,
            director=choice,
            genres=genres,
            kind=kind_of(title) if domain.name == "films" else "film",
            stars=stars_of(rating),
            rating=rating,
            votes=None if votes is None or votes < 0 else int(votes),
        )
        film.check()
        return film

    def _chosen(self, cell: str) -> str:
        choice = self.domain.choice
        names = directors_in(cell) if choice.separator == CREW else list_of(cell, choice.separator)
        if not names:
            raise InvalidRecord(choice.column, "is empty; give its name")
        return names[0]

    def _year(self, cells: list[str]) -> int:
        if self._ordinal is None or self.domain.ordinal is None:
            return self.domain.ordinal_on_wire(0)
        cell, column = cells[self._ordinal], self.domain.ordinal.column
        if is_empty(cell):
            raise InvalidRecord(column, "is empty; give a whole number")
        number = whole_of(cell)
        if number is None:
            raise InvalidRecord(column, f"is {cell[:40]!r}; give a whole number")
        return self.domain.ordinal_on_wire(number)

    def _names(self, cells: list[str]) -> list[str]:
        assert self.domain.tags is not None
        separator = self.domain.tags.separator
        return [name for place in self._tags for name in list_of(cells[place], separator)]

    def _genres(self, cells: list[str]) -> tuple[str, ...]:
        tags = self.domain.tags
        if tags is None:
            return (NO_TAG,)
        names = self._names(cells)
        if self._kept is not None:
            names = [name for name in names if name in self._kept]
        column = f"`{', '.join(tags.columns)}`"
        if not names:
            why = "has none that is kept" if self._kept is not None else "is empty"
            raise InvalidRecord(column, f"{why}; give one to {tags.at_most} {tags.words}")
        names = list(dict.fromkeys(names))[: tags.at_most]
        for group in tags.exclusive:
            if len(both := [name for name in names if name in group]) > 1:
                raise InvalidRecord(
                    column, f"holds both {both[0]!r} and {both[1]!r}, which exclude each other"
                )
        return sorted_genres(names)

    def _rating(self, cell: str) -> float:
        outcome = self.domain.outcome
        if is_empty(cell):
            raise InvalidRecord(outcome.column, "is empty; give a number")
        value = number_of(cell, decimal_comma=self._comma)
        if value is None:
            raise InvalidRecord(outcome.column, f"is {cell[:40]!r}; give a number")
        if not outcome.low <= value <= outcome.high:
            raise InvalidRecord(
                outcome.column, f"is {value:g}; give {outcome.low:g} to {outcome.high:g}"
            )
        return self.domain.rating_of(value)
