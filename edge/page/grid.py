"""The slate as a coloured grid: one cell for each combination, cool to hot."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec

from data.domain import FILMS, Domain
from data.films import Genres
from edge.page.stored_answer import StoredAnswer, StoredChoice, StoredFilm, StoredSlate, StoredSpace

# Colours of `page.css`, cool to hot; each cell shows its number as well.
STEPS = 9


class Cell(msgspec.Struct, frozen=True):
    """One combination.

    Attributes:
        heat: 0 for the slate's coolest to 8 for its hottest.
        rank: 1 for the best.
    """

    title: str
    director: str
    year: int
    genres: Genres
    expected: float
    heat: int
    rank: int
    picked: bool


class GridRow(msgspec.Struct, frozen=True):
    """A year's cells, one for each genre set."""

    year: int
    cells: tuple[Cell, ...]


class GridBlock(msgspec.Struct, frozen=True):
    """A director's rows."""

    director: str
    rows: tuple[GridRow, ...]


class Grid(msgspec.Struct, frozen=True):
    """A slate to show.

    Attributes:
        space: what was searched.
        columns: the genre sets of a slate of 36; empty where there are only tiles.
        blocks: the slate of 36 by director and year.
        best: the best of a larger space, or a slate without years or genres; best first.
        whole: that is all there was to choose from.
        coolest, hottest: the ends of the scale, in stars.
    """

    space: StoredSpace
    columns: tuple[Genres, ...]
    blocks: tuple[GridBlock, ...]
    best: tuple[Cell, ...]
    coolest: float
    hottest: float
    whole: bool = False


def grid_of(answer: StoredAnswer, domain: Domain = FILMS) -> Grid:
    """Return an answer's slate as a grid, or as tiles where a domain lacks years or genres."""
    slate = answer.slate
    if slate is not None and len(answer.expected) == len(slate.options):
        if domain.ordinal and domain.tags:
            return _classic(answer, slate)
        options = list(zip(slate.options, answer.expected, strict=True))
        tiles = sorted(_cells(options, answer.picks[:1]), key=lambda cell: cell.rank)
        return msgspec.structs.replace(
            _grid(answer, (), (), tuple(tiles), tuple(tiles)), whole=True
        )
    cells = _cells([(choice, choice.expected) for choice in answer.picks], answer.picks[:1])
    return _grid(answer, (), (), cells, cells)


def _classic(answer: StoredAnswer, slate: StoredSlate) -> Grid:
    cells = _cells(list(zip(slate.options, answer.expected, strict=True)), answer.picks[:1])
    by_director = [list(of_one) for _, of_one in groupby(cells, lambda cell: cell.director)]
    blocks = tuple(
        GridBlock(
            of_one[0].director,
            tuple(
                GridRow(year, tuple(of_year)) for year, of_year in groupby(of_one, lambda c: c.year)
            ),
        )
        for of_one in by_director
    )
    return _grid(answer, slate.genre_sets, blocks, (), cells)


def _grid(
    answer: StoredAnswer,
    columns: tuple[Genres, ...],
    blocks: tuple[GridBlock, ...],
    best: tuple[Cell, ...],
    cells: tuple[Cell, ...],
) -> Grid:
    stars = [cell.expected for cell in cells] or [0.0]
    return Grid(answer.space, columns, blocks, best, min(stars), max(stars))


def _cells(
    films: Sequence[tuple[StoredFilm, float]], picked: tuple[StoredChoice, ...]
) -> tuple[Cell, ...]:
    stars = [expected for _, expected in films]
    low, high = min(stars, default=0.0), max(stars, default=0.0)
    order = sorted(range(len(films)), key=lambda place: -stars[place])
    rank = {place: number for number, place in enumerate(order, 1)}
    wanted = {choice.combination for choice in picked}
    return tuple(
        Cell(
            title=film.title,
            director=film.director,
            year=film.year,
            genres=film.genres,
            expected=expected,
            heat=_heat(expected, low, high),
            rank=rank[place],
            picked=film.combination in wanted,
        )
        for place, (film, expected) in enumerate(films)
    )


def _heat(expected: float, low: float, high: float) -> int:
    if high <= low:
        return STEPS // 2
    return min(int((expected - low) / (high - low) * STEPS), STEPS - 1)
