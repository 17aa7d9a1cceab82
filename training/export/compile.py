"""From a fitted model to integer tables: every part evaluated for every possible input.

expected = share * trees + (1 - share) * mixed, and both split by pairs of choices:

    A[d, y]   trees' part A                + mixed model's level and form
    B[d, o]   trees' part B                + mixed model's style, o = (own genres in the set, size)
    C[y, s]   trees' part C                + mixed model's base, less its mean
    E[d, l]   trees' part E
    F[d, g]   trees' part F_g with the genre minus without it; the "without" goes into A

The usual size of the error, an input of the head, is one more table by (y, s) and a column by d.

Each table is rounded once to 1/4096 star, so the sum of up to seven entries and the constant
differs from the unrounded model by at most 8 / 2 / 4096 < 0.001 star.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.films import MAX_GENRES
from data.genre_sets import overlap_count, overlap_ranks
from training.export.tables import CompiledTables, to_grid
from training.model import features
from training.model.careers import Floats, Ints, Stack, group_by
from training.model.estimator import FilmModel
from training.model.grid import GRID
from training.model.head import director_inputs
from training.model.threads import one_thread

_ROWS_AT_ONCE = 60_000


class Batch(NamedTuple):
    """Directors with equally many films: their numbers and their stack."""

    numbers: Ints
    stack: Stack


def compile_model(model: FilmModel) -> CompiledTables:
    """Return the tables of a fitted model.

    Raises:
        TableOverflow: a table needs more than 16 bits.
    """
    with one_thread():
        return _Compiler(model).tables()


class _Compiler:
    def __init__(self, model: FilmModel) -> None:
        self.model = model
        self.columns = model.columns_
        self.mixed = model.mixed_
        self.careers = model.mixed_.careers
        self.sets = model.genre_sets_
        first, last = model.table_years_
        self.years = np.arange(first, last + 1).astype(float)
        # Directors whose features are the same (those without films) share their rows.
        self.director = np.zeros((len(self.careers.counts), self.columns.director.stop))
        for numbers, stack in self._batches(1):
            self.director[numbers] = features.director_columns(stack)

    def tables(self) -> CompiledTables:
        """Return all tables."""
        own = self.careers.own_genres()
        level_of_set, levels = self._levels()
        with_genre, without = self._director_genre()
        base = self._base()
        # Centring every column of C on its own level keeps entries small.
        mean = float(base.mean())
        offset, director_genres = self._director_genres(own)
        share = self.model.trees_share_
        constant = share * self.model.trees_.baseline + (1.0 - share) * mean
        ranks = np.cumsum(own, axis=1) * own
        return CompiledTables(
            names=self.careers.names,
            genre_sets=self.sets,
            first_year=int(self.years[0]),
            director_year=to_grid("A", self._director_year() + without[:, None]),
            director_genres=to_grid("B", director_genres),
            year_genres=to_grid("C", self._year_genres(base) + (1.0 - share) * (base - mean)),
            director_genre=to_grid("F", np.pad(with_genre, ((0, 0), (0, 1)))),
            director_level=to_grid("E", self._director_level(levels)),
            own_genre=np.pad(ranks, ((0, 0), (0, 1))).astype(np.uint8),
            offset=offset,
            set_level=level_of_set,
            constant=round(constant * GRID),
            head_inputs=director_inputs(
                self.director[:, self.columns.films], self.director[:, self.columns.spread]
            ),
            director_error=to_grid(
                "director error", self.model.error_size_.director(self._director_table())
            ),
            year_genres_error=to_grid("year and genres error", self._year_genres_error(base)),
        )

    def _part(self, name: str, table: Floats) -> Floats:
        flat = self.model.trees_.part(name, table.reshape(-1, self.columns.width))
        return self.model.trees_share_ * flat.reshape(table.shape[:-1])

    def _batches(self, rows_each: int) -> Iterator[Batch]:
        """Yield all directors, in groups of which `rows_each` rows each fit in memory."""
        for films, numbers in group_by(self.careers.counts):
            cost = numbers.size * rows_each * max(1.0, films / 20)
            for some in np.array_split(numbers, max(1, int(cost / _ROWS_AT_ONCE))):
                if some.size:
                    yield Batch(some, self.careers.stack(some, films))

    def _director_year(self) -> Floats:
        years = self.years
        result = np.empty((len(self.director), len(years)))
        for numbers, stack in self._batches(len(years)):
            asked = np.broadcast_to(years, (len(numbers), len(years)))
            table = self.columns.empty(len(numbers), len(years))
            table[:, :, self.columns.director] = self.director[numbers][:, None]
            table[:, :, self.columns.year] = years
            table[:, :, self.columns.time] = features.time_columns(stack, asked, self.mixed)
            mixed = (1.0 - self.model.trees_share_) * table[:, :, self.columns.form]
            result[numbers] = self._part("A", table) + mixed
        return result

    def _director_genres(self, own: NDArray[np.bool_]) -> tuple[Ints, Floats]:
        """Return where each director's range of entries begins, and all ranges."""
        entries = np.array([3 * overlap_count(int(k)) for k in own.sum(axis=1)], np.int64)
        offset = np.cumsum(entries) - entries
        result = np.empty(int(entries.sum()))
        widest = int(entries.max())
        for numbers, stack in self._batches(widest):
            for count, some in group_by(own[numbers].sum(axis=1)):
                values = self._overlaps(Batch(numbers[some], stack.take(some)), own, count)
                places = offset[numbers[some]][:, None] + np.arange(values.shape[1])
                result[places] = values
        return offset, result

    def _overlaps(self, batch: Batch, own: NDArray[np.bool_], count: int) -> Floats:
        """Return B of directors with `count` own genres each, [k, 3 * overlaps]."""
        k, genres = len(batch.numbers), self.columns.genres
        overlaps = own_overlaps(count)
        mine = np.nonzero(own[batch.numbers])[1].reshape(k, count)
        flags = np.zeros((k, len(overlaps), genres))
        np.put_along_axis(
            flags,
            np.broadcast_to(mine[:, None], (k, len(overlaps), count)),
            np.broadcast_to(overlaps, (k, *overlaps.shape)),
            axis=2,
        )
        flags = np.repeat(flags, MAX_GENRES, axis=1)
        size = np.tile(np.arange(1.0, MAX_GENRES + 1), (k, len(overlaps)))
        table = self.columns.empty(k, size.shape[1])
        table[:, :, self.columns.director] = self.director[batch.numbers][:, None]
        table[:, :, self.columns.size] = size
        table[:, :, self.columns.genre] = features.genre_columns(
            batch.stack, flags, size, self.mixed
        )
        mixed = (1.0 - self.model.trees_share_) * table[:, :, self.columns.style]
        return self._part("B", table) + mixed

    def _base(self) -> Floats:
        """Return the expected stars from year and genre set alone, [Y, S + 1]."""
        flags = self.sets.flags.astype(float)
        return np.stack([self.mixed.base(np.full(len(flags), y), flags) for y in self.years])

    def _year_genres(self, base: Floats) -> Floats:
        return np.stack([self._part("C", table) for table in self._year_genres_rows(base)])

    def _year_genres_error(self, base: Floats) -> Floats:
        size = self.model.error_size_
        return np.stack([size.year_genres(table) for table in self._year_genres_rows(base)])

    def _year_genres_rows(self, base: Floats) -> Iterator[Floats]:
        """Yield the columns of group C of all sets, year by year; the same array each time."""
        table = self.columns.empty(base.shape[1])
        table[:, self.columns.size] = self.sets.sizes
        table[:, self.columns.flags] = self.sets.flags
        for row, year in enumerate(self.years):
            table[:, self.columns.year] = year
            table[:, self.columns.base] = base[row]
            yield table

    def _levels(self) -> tuple[Ints, Floats]:
        """Return each set's level number, and the levels."""
        level = self.mixed.base_level(self.sets.flags.astype(float))
        levels, number = np.unique(level, return_inverse=True)
        return number.astype(np.int64), levels

    def _director_table(self) -> Floats:
        table = self.columns.empty(len(self.director))
        table[:, self.columns.director] = self.director
        return table

    def _director_level(self, levels: Floats) -> Floats:
        table = self._director_table()
        result = np.empty((len(table), len(levels)))
        for number, level in enumerate(levels):
            table[:, self.columns.level] = level
            result[:, number] = self._part("E", table)
        return result

    def _director_genre(self) -> tuple[Floats, Floats]:
        """Return what each genre adds to a director, [D + 1, G], and the sum without any."""
        result = np.empty((len(self.director), self.columns.genres))
        without = np.zeros(len(self.director))
        for genre in range(self.columns.genres):
            table = self._director_table()
            absent = self._part(f"F{genre}", table)
            table[:, self.columns.flags.start + genre] = 1.0
            result[:, genre] = self._part(f"F{genre}", table) - absent
            without += absent
        return result, without


def own_overlaps(count: int) -> Floats:
    """Return the flags of all overlaps of `count` own genres by rank, [overlaps, count]."""
    base3, base2 = overlap_ranks(count)

    def rank(overlap: tuple[int, ...]) -> int:
        a, b, c = (*sorted(overlap, reverse=True), 0, 0, 0)[:MAX_GENRES]
        return int(base3[a] + base2[b] + c)

    sizes = range(min(count, MAX_GENRES) + 1)
    overlaps = [o for k in sizes for o in itertools.combinations(range(1, count + 1), k)]
    flags = np.zeros((len(overlaps), count))
    for overlap in overlaps:
        flags[rank(overlap), [own - 1 for own in overlap]] = 1.0
    return flags
