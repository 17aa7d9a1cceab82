"""The exact best among the rows of a file, your own list of any length, in limited memory."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.errors import InvalidRecord
from data.film_table import TableUnreadable
from data.films import NO_GENRE, Combination, normalise, sorted_genres
from edge.search.different import BY_DIRECTOR, Differ, share
from edge.search.model import MAX_ROWS, Model
from edge.search.rules import Ban, allows
from edge.search.score_blocks import NEEDED, Block, Parser
from edge.search.top import Numbers


class RankedRow(NamedTuple):
    """A row of the file.

    Attributes:
        rank: its score, or its expected stars where the model has no scores.
    """

    rank: float
    film: Combination
    title: str

    @property
    def order(self) -> tuple[float, Combination, str]:
        """By what rows are sorted: best first, ties by director, year and genres."""
        return (-self.rank, self.film, self.title)


class Among(NamedTuple):
    """The best rows of a file, best first, and what was read.

    Attributes:
        rows: how many the file has.
        directors, years, genre_sets: the different ones in it.
    """

    best: list[RankedRow]
    rows: int
    directors: int
    years: list[int]
    genre_sets: int


def best_among(
    model: Model,
    source: Path,
    k: int,
    *,
    differ: Collection[Differ] = BY_DIRECTOR,
    bans: Sequence[Ban] = (),
    leave_out: Collection[Combination] = (),
    progress: Callable[[int], None] | None = None,
) -> Among:
    """Return the best k rows of a film table that neither the rules nor `leave_out` exclude.

    Args:
        model: that judges them.
        source: a csv or tsv file with the columns title, year, Director1 and Genre1 to Genre3.
        k: how many; the same combination counts once.
        differ: the choices in which the rows must differ from one another.
        bans: what is forbidden.
        leave_out: what was already made.
        progress: called with the rows read.

    Raises:
        TableUnreadable: the file isn't such a table.
        InvalidRecord: naming row and column of a cell that can't be scored.
    """
    made = frozenset(leave_out)

    def wanted(film: Combination) -> bool:
        return film not in made and allows(bans, film)

    found: list[RankedRow] = []

    def free(film: Combination) -> bool:
        return wanted(film) and not any(share(film, row.film, differ) for row in found)

    # With one choice to differ in, one reading is enough: the best row of each value. With more,
    # what a row excludes depends on those before it: one reading for each.
    if len(differ) <= 1:
        return _read(model, source, _Best(k, next(iter(differ), None), wanted), progress)
    while True:
        read = _read(model, source, _Best(1, None, free), progress)
        found += read.best
        if len(found) >= k or not read.best:
            return read._replace(best=found)


def count_among(source: Path, bans: Sequence[Ban], leave_out: Collection[Combination]) -> int:
    """Return how many rows of a film table neither the rules nor `leave_out` exclude."""
    made = frozenset(leave_out)
    return sum(
        film not in made and allows(bans, film)
        for block in _blocks(source)
        for film in (_film(block, place) for place in range(len(block.years)))
    )


class _Best:
    """The best rows so far, one for each value of the choice to differ in."""

    def __init__(
        self, k: int, differ: Differ | None, wanted: Callable[[Combination], bool]
    ) -> None:
        self._k = k
        self._differ = differ
        self._wanted = wanted
        self._rows: dict[object, RankedRow] = {}
        self.floor = -np.inf

    def offer(self, row: RankedRow) -> None:
        if not self._wanted(row.film):
            return
        key: object = row.film if self._differ is None else getattr(row.film, self._differ)
        known = self._rows.get(key)
        if known is not None and known.order <= row.order:
            return
        self._rows[key] = row
        if len(self._rows) > self._k:
            worst = max(self._rows, key=lambda key: self._rows[key].order)
            del self._rows[worst]
        if len(self._rows) == self._k:
            self.floor = min(row.rank for row in self._rows.values())

    def best(self) -> list[RankedRow]:
        return sorted(self._rows.values(), key=lambda row: row.order)


def _read(model: Model, source: Path, best: _Best, progress: Callable[[int], None] | None) -> Among:
    directors: set[str] = set()
    years: set[int] = set()
    genre_sets: set[tuple[str, ...]] = set()
    rows = 0
    for block in _blocks(source):
        found = model.rows(block.directors, block.years, block.slots, probabilities=False)
        ranks: Numbers = found.expected if found.score is None else found.score
        order = np.argsort(-ranks.astype(np.float64), kind="stable")
        for place in order.tolist():
            rank = float(ranks[place])
            if rank < best.floor:
                break
            best.offer(RankedRow(rank, _film(block, place), block.titles[place].strip()))
        rows += len(block.years)
        directors.update(block.directors.tolist())
        years.update(block.years.tolist())
        genre_sets.update(map(tuple, block.slots.tolist()))
        if progress is not None:
            progress(rows)
    known = {frozenset(slots) - {NO_GENRE} for slots in genre_sets}
    return Among(best.best(), rows, len(directors), sorted(years), len(known))


def _film(block: Block, place: int) -> Combination:
    return Combination(
        str(block.directors[place]), int(block.years[place]), sorted_genres(block.slots[place])
    )


def _blocks(source: Path) -> Iterator[Block]:
    try:
        file = source.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise TableUnreadable(f"{source}: {error.strerror}") from error
    with file:
        delimiter = "\t" if source.suffix.lower() == ".tsv" else ","
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = [normalise(cell) for cell in next(reader, [])]
            if missing := [column for column in NEEDED if column not in header]:
                raise TableUnreadable(f"{source}: line 1 lacks the column {missing[0]!r}")
            parser, before = Parser(header), 0
            while lines := list(islice(reader, MAX_ROWS)):
                if rows := [row for row in lines if row]:
                    yield parser.parse(rows, before)
                    before += len(rows)
        except (csv.Error, UnicodeDecodeError) as error:
            raise TableUnreadable(f"{source}: {error}") from error
        except InvalidRecord as error:
            raise TableUnreadable(f"{source}: {error}") from error
