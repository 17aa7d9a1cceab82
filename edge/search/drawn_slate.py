"""A slate of 36, drawn at random: what a press scores.

By default its years are those of the next film: nine directors who were active lately, or three
of them where the model can tell three years apart. The original's slate is three directors, three
years of their careers and four genre sets.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Sequence

import msgspec

from data.catalogue import Catalogue, DirectorEntry
from data.errors import GreenlightError
from data.films import MAX_GENRES, Combination, Genres
from edge.search.catalogue_index import REGULAR_FILMS
from edge.search.model import Model
from edge.search.resolve import resolve
from edge.search.search_space import CAREER_MARGIN_YEARS, SearchSpace
from edge.search.slate import Slate
from edge.search.titles import TitleMaker

OPTIONS = 36
DIRECTORS, YEARS, GENRE_SETS = 3, 3, 4
_ATTEMPTS = 1_000


class EmptySlate(GreenlightError):
    """There is not enough to draw a slate from."""


class Option(msgspec.Struct, frozen=True):
    """A film that might be made."""

    title: str
    director: str
    year: int
    genres: Genres

    @property
    def combination(self) -> Combination:
        """What is chosen with it."""
        return Combination(self.director, self.year, self.genres)


# On disk and in answers the options are called candidates, as they always were.
class DrawnSlate(msgspec.Struct, frozen=True, rename={"options": "candidates"}):
    """The slate of 36, as a grid of nine by four.

    Attributes:
        options: by director, then year, then genre set, each ascending.
    """

    directors: tuple[str, ...]
    years: tuple[int, ...]
    genre_sets: tuple[Genres, ...]
    options: tuple[Option, ...]


def draw_slate(
    model: Model,
    slate: Slate,
    rng: random.Random,
    excluded: Collection[Combination] = (),
    *,
    today: int | None = None,
) -> DrawnSlate:
    """Draw 36 films within a slate's limits; fewer, where the limits leave fewer.

    Args:
        model: that will judge them.
        slate: whose limits hold: `sample` says whether its years are the next film's or, where none
            are asked for, any of the directors' careers.
        rng: where chance comes from; the same seed draws the same slate.
        excluded: combinations that were already made; the slate holds none of them.
        today: this calendar year, if the clock is set.

    Raises:
        InvalidSlate: the model doesn't know something of it.
        EmptySlate: the limits, or what is not excluded of them, leave too little.
    """
    index = model.index
    space = resolve(slate, index, rng, excluded, today=today)
    able = _able(slate, space)
    if len(able) < (1 if slate.directors.names else DIRECTORS):
        raise EmptySlate(
            f"Only {len(able)} directors with more than {REGULAR_FILMS} films match; allow more"
        )
    made = frozenset(excluded)
    anytime = slate.sample == "any" and slate.years.is_next
    distinct = [] if anytime else _distinct_years(space, model)
    for _ in range(_ATTEMPTS):
        years = sorted(rng.sample(distinct, min(YEARS, len(distinct))))
        sets = 3 if len(years) == 2 else GENRE_SETS
        count = DIRECTORS if anytime else OPTIONS // (sets * len(years))
        entries = sorted(rng.sample(able, min(count, len(able))), key=lambda entry: entry.name)
        if anytime:
            years = _career_years(entries, index.catalogue, rng)
        genre_sets = _draw_genre_sets(entries, space, rng, sets)
        if not years or not genre_sets:
            continue
        combinations = [
            Combination(entry.name, year, genres)
            for entry in entries
            for year in years
            for genres in genre_sets
        ]
        if made.isdisjoint(combinations):
            return _named(index.catalogue, rng, entries, years, genre_sets, combinations)
    raise EmptySlate(
        "No slate is left that was not already made; allow more, or train on more films"
    )


def _named(
    catalogue: Catalogue,
    rng: random.Random,
    entries: Sequence[DirectorEntry],
    years: Sequence[int],
    genre_sets: tuple[Genres, ...],
    combinations: Sequence[Combination],
) -> DrawnSlate:
    titles = TitleMaker(catalogue.titles, rng)
    options = tuple(Option(titles.make(), c.director, c.year, c.genres) for c in combinations)
    return DrawnSlate(tuple(entry.name for entry in entries), tuple(years), genre_sets, options)


def _able(slate: Slate, space: SearchSpace) -> list[DirectorEntry]:
    """Return whom the slate allows: with more than three films, unless it names them."""
    entries = space.index.catalogue.directors
    least = 0 if slate.directors.names else REGULAR_FILMS
    return [
        entries[number]
        for number in space.directors.tolist()
        if entries[number].films > least and entries[number].genres
    ]


def _distinct_years(space: SearchSpace, model: Model) -> list[int]:
    """Return the calendar years that the model can tell apart: of equal ones, the first."""
    # Past the tables' reach the years are one already; then a press needn't load the tables.
    tables = model.tables if len(space.years) > 1 else None
    if tables is None:
        return [int(year) for year in space.calendar]
    seen: dict[bytes, int] = {}
    for column, year in zip(space.years.tolist(), space.calendar.tolist(), strict=True):
        parts = tables.director_year[:, column].tobytes() + tables.year_genres[column].tobytes()
        seen.setdefault(parts, year)
    return sorted(seen.values())


def _career_years(
    entries: Sequence[DirectorEntry], catalogue: Catalogue, rng: random.Random
) -> list[int]:
    """Draw years that lie in at least one of the careers."""
    training = catalogue.training_years
    possible = {
        year
        for entry in entries
        for year in range(
            max(entry.first_year - CAREER_MARGIN_YEARS, training.first),
            min(entry.last_year + CAREER_MARGIN_YEARS, training.last) + 1,
        )
    }
    return sorted(rng.sample(sorted(possible), YEARS)) if len(possible) >= YEARS else []


def _draw_genre_sets(
    entries: Sequence[DirectorEntry], space: SearchSpace, rng: random.Random, count: int
) -> tuple[Genres, ...]:
    """Draw different sets that the slate allows, each of one director's own genres."""
    sets = space.index.sets
    allowed = set(space.sets.tolist())
    names = space.index.catalogue.genres
    possible = {
        genres
        for entry in entries
        for size in range(1, MAX_GENRES + 1)
        for genres in (
            tuple(names[member] for member in members)
            for members in itertools.combinations(entry.genres, size)
        )
        if sets.index_of(genres) in allowed
    }
    return tuple(sorted(rng.sample(sorted(possible), min(count, len(possible)))))
