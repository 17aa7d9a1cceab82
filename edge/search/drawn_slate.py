"""A slate of 36, drawn at random: what a press scores.

By default its years are those of the next film: nine directors who were active lately, or three
of them if the model can distinguish three years. The original's slate is three directors, three
years of their careers and four genre sets.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache, partial
from typing import NamedTuple

import msgspec

from data.catalogue import Catalogue, DirectorEntry
from data.errors import GreenlightError
from data.films import MAX_GENRES, Combination, Genres
from edge.search.catalogue_index import REGULAR_FILMS, CatalogueIndex
from edge.search.domain_slate import in_domain
from edge.search.model import Model
from edge.search.resolve import limits_to_drop, resolve
from edge.search.rules import Ban, allows, bans_of
from edge.search.search_space import CAREER_MARGIN_YEARS, SearchSpace
from edge.search.slate import Slate
from edge.search.titles import TitleMaker

OPTIONS = 36
DIRECTORS, YEARS, GENRE_SETS = 3, 3, 4
_ATTEMPTS = 1_000
# Enough to see whether a wider slate could be drawn; a press waits for the answer.
_FEW_ATTEMPTS, _FEW_LIMITS = 100, 2


class EmptySlate(GreenlightError):
    """There isn't enough to draw a slate from."""


class _TooFew(Exception):
    """Too few directors match: this many."""


class _NoneLeft(Exception):
    """Every grid has films that were made or are against the rules."""


class Option(msgspec.Struct, frozen=True):
    """A film that could be made."""

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


class _Grid(NamedTuple):
    """A slate without titles."""

    directors: tuple[str, ...]
    years: tuple[int, ...]
    genre_sets: tuple[Genres, ...]
    combinations: Sequence[Combination]

    def named(self, make_title: Callable[[], str]) -> DrawnSlate:
        """Return the slate, each option with a new title."""
        options = tuple(
            Option(make_title(), c.director, c.year, c.genres) for c in self.combinations
        )
        return DrawnSlate(self.directors, self.years, self.genre_sets, options)


def draw_slate(
    model: Model,
    slate: Slate,
    rng: random.Random,
    excluded: Collection[Combination] = (),
    *,
    today: int | None = None,
) -> DrawnSlate:
    """Draw 36 films within a slate's limits, or fewer if the limits leave fewer.

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
    return next(draw_slates(model, slate, rng, excluded, today=today))


def draw_slates(
    model: Model,
    slate: Slate,
    rng: random.Random,
    excluded: Collection[Combination] = (),
    *,
    today: int | None = None,
    titled: bool = True,
) -> Iterator[DrawnSlate]:
    """Yield one drawn slate after another, as `draw_slate` draws one; the limits are read once.

    Without `titled` no titles are invented, which takes longer than all the rest.

    Raises:
        InvalidSlate, EmptySlate: as `draw_slate` does.
    """
    make_title = TitleMaker(model.index.catalogue.titles, rng).make if titled else str
    try:
        for grid in _grids(model, slate, rng, excluded, today):
            yield grid.named(make_title)
    except _TooFew as few:
        raise _too_few(model, slate, excluded, today, few.args[0]) from few
    except _NoneLeft as error:
        raise _none_left(model, slate, excluded, today) from error


def _grids(
    model: Model,
    slate: Slate,
    rng: random.Random,
    excluded: Collection[Combination],
    today: int | None,
    attempts: int = _ATTEMPTS,
) -> Iterator[_Grid]:
    index = model.index
    slate = in_domain(slate, model.domain)
    space = resolve(slate, index, rng, excluded, today=today)
    able = _able(slate, space)
    if len(able) < _fewest(slate):
        raise _TooFew(len(able))
    bans: list[Ban] = []
    if slate.rules:
        bans, _ = bans_of(slate.rules, index.sets.genres, index.index_of_director)
    made = frozenset(excluded).union(film.combination for film in slate.leave_out)
    anytime = slate.sample == "any" and slate.years.is_next
    distinct = None if anytime else _distinct_years(space, model)
    # Of many slates drawn from the same space, most have directors that others had before.
    own_sets = cache(partial(_own_sets, index, frozenset(space.sets.tolist())))
    while True:
        grid = _draw(index, own_sets, able, bans, made, distinct, rng, attempts)
        if grid is None:
            raise _NoneLeft
        yield grid


def _draw(
    index: CatalogueIndex,
    own_sets: Callable[[DirectorEntry], frozenset[Genres]],
    able: Sequence[DirectorEntry],
    bans: Sequence[Ban],
    made: frozenset[Combination],
    distinct: Sequence[int] | None,
    rng: random.Random,
    attempts: int,
) -> _Grid | None:
    """Draw a grid with nothing of `made`; None if there's none.

    Args:
        index: of the model's catalogue.
        own_sets: returns the allowed sets of a director's own genres.
        able: whom they allow.
        bans: what never goes together.
        made: what is never offered.
        distinct: the years to draw from; None for years of the directors' careers.
        rng: where chance comes from.
        attempts: how often to try.
    """
    anytime = distinct is None
    for _ in range(attempts):
        years = sorted(rng.sample(distinct or [], min(YEARS, len(distinct or []))))
        sets = 3 if len(years) == 2 else GENRE_SETS
        count = DIRECTORS if anytime else OPTIONS // (sets * len(years))
        entries = sorted(rng.sample(able, min(count, len(able))), key=lambda entry: entry.name)
        if anytime:
            years = _career_years(entries, index.catalogue, rng)
        genre_sets = _draw_genre_sets(entries, years, own_sets, rng, sets, bans)
        if not years or not genre_sets:
            continue
        combinations = [
            Combination(entry.name, year, genres)
            for entry in entries
            for year in years
            for genres in genre_sets
        ]
        if made.isdisjoint(combinations):
            directors = tuple(entry.name for entry in entries)
            return _Grid(directors, tuple(years), genre_sets, combinations)
    return None


def _fewest(slate: Slate) -> int:
    return 1 if slate.directors.names else DIRECTORS


def _too_few(
    model: Model, slate: Slate, excluded: Collection[Combination], today: int | None, able: int
) -> EmptySlate:
    """Return the error for too few directors, naming what should be lifted."""

    def count(wider: Slate, made: Collection[Combination]) -> int:
        if not _drawable(model, wider, made, today):
            return 0
        wider = in_domain(wider, model.domain)
        space = resolve(wider, model.index, random.Random(0), made, today=today)
        return len(_able(wider, space))

    say = model.domain.say
    limits, found = limits_to_drop(slate, model.domain, excluded, count, most=_FEW_LIMITS)
    help_ = f"Without {limits} it would be {found:,}" if found else "Allow more"
    who = "director matches" if able == 1 else "directors match"
    named = "" if slate.directors.names else f" with more than {REGULAR_FILMS} films"
    return EmptySlate(say("Only {able} " + who + named + ". {help}", able=able, help=help_))


def _none_left(
    model: Model, slate: Slate, excluded: Collection[Combination], today: int | None
) -> EmptySlate:
    """Return the error if every grid has films that were made or are against the limits."""
    say = model.domain.say
    limits, found = limits_to_drop(
        slate,
        model.domain,
        excluded,
        lambda wider, made: _drawable(model, wider, made, today),
        most=_FEW_LIMITS,
    )
    if found:
        return EmptySlate(say("No 36 films match. Without {limits} they would", limits=limits))
    return EmptySlate(
        say("No slate is left that was not already made; allow more, or train on more films")
    )


def _drawable(model: Model, slate: Slate, made: Collection[Combination], today: int | None) -> int:
    """Return how many films could be drawn, 0 if none."""
    try:
        grid = next(_grids(model, slate, random.Random(0), made, today, _FEW_ATTEMPTS))
    except (_TooFew, _NoneLeft):
        return 0
    return len(grid.combinations)


def _able(slate: Slate, space: SearchSpace) -> list[DirectorEntry]:
    """Return the directors a slate allows: those it names, or those with more than three films."""
    entries = space.index.catalogue.directors
    least = 0 if slate.directors.names else REGULAR_FILMS
    return [
        entries[number]
        for number in space.directors.tolist()
        if entries[number].films > least and entries[number].genres
    ]


def _distinct_years(space: SearchSpace, model: Model) -> list[int]:
    """Return the calendar years that the model can distinguish: of equal ones, the first."""
    # Beyond the tables all years are equal already, so a press needn't load the tables.
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
    """Draw years within at least one of the careers."""
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


def _own_sets(
    index: CatalogueIndex, allowed: frozenset[int], entry: DirectorEntry
) -> frozenset[Genres]:
    """Return the sets of a director's own genres that the slate allows, by their numbers."""
    sets, names = index.sets, index.catalogue.genres
    possible = (
        tuple(names[member] for member in members)
        for size in range(1, MAX_GENRES + 1)
        for members in itertools.combinations(entry.genres, size)
    )
    return frozenset(genres for genres in possible if sets.index_of(genres) in allowed)


def _draw_genre_sets(
    entries: Sequence[DirectorEntry],
    years: Sequence[int],
    own_sets: Callable[[DirectorEntry], frozenset[Genres]],
    rng: random.Random,
    count: int,
    bans: Sequence[Ban],
) -> tuple[Genres, ...]:
    """Draw different sets that the slate allows in the whole grid, of the directors' own genres."""
    possible = frozenset[Genres]().union(*map(own_sets, entries))
    if bans:
        possible = frozenset(
            genres
            for genres in possible
            if all(allows(bans, Combination(e.name, y, genres)) for e in entries for y in years)
        )
    return tuple(sorted(rng.sample(sorted(possible), min(count, len(possible)))))
