"""The original's slate: three directors, three years and four genre sets, 36 invented films."""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection

import msgspec

from data.catalogue import Catalogue, DirectorEntry
from data.errors import GreenlightError
from data.films import MAX_GENRES, Combination, Genres, Kind
from edge.search.search_space import CAREER_MARGIN_YEARS
from edge.search.titles import TitleMaker

DIRECTORS, YEARS, GENRE_SETS = 3, 3, 4
MORE_THAN_FILMS = 3
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
class ClassicSlate(msgspec.Struct, frozen=True, rename={"options": "candidates"}):
    """The slate of 36, as a grid of nine by four.

    Attributes:
        options: by director, then year, then genre set, each ascending.
    """

    directors: tuple[str, ...]
    years: tuple[int, ...]
    genre_sets: tuple[Genres, ...]
    options: tuple[Option, ...]


def classic_slate(
    catalogue: Catalogue,
    rng: random.Random,
    excluded: Collection[Combination] = (),
    kind: Kind = "film",
) -> ClassicSlate:
    """Draw a slate: directors with more than three films, in years and genres of their careers.

    Args:
        catalogue: of the model that will judge it.
        rng: where chance comes from; the same seed draws the same slate.
        excluded: combinations that were already made; the slate holds none of them.
        kind: what the directors must have made.

    Raises:
        EmptySlate: if the catalogue, or what is not excluded of it, is too small.
    """
    able = [
        entry
        for entry in catalogue.directors
        if entry.films > MORE_THAN_FILMS and kind in entry.kinds and entry.genres
    ]
    if len(able) < DIRECTORS:
        raise EmptySlate(f"only {len(able)} directors have more than {MORE_THAN_FILMS} films")
    made = frozenset(excluded)
    for _ in range(_ATTEMPTS):
        chosen = sorted(rng.sample(able, DIRECTORS), key=lambda entry: entry.name)
        years = _draw_years(chosen, catalogue, rng)
        genre_sets = _draw_genre_sets(chosen, catalogue, rng)
        if len(years) < YEARS or len(genre_sets) < GENRE_SETS:
            continue
        combinations = [
            Combination(entry.name, year, genres)
            for entry in chosen
            for year in years
            for genres in genre_sets
        ]
        if made.isdisjoint(combinations):
            titles = TitleMaker(catalogue.titles, rng)
            options = tuple(
                Option(titles.make(), c.director, c.year, c.genres) for c in combinations
            )
            names = tuple(entry.name for entry in chosen)
            return ClassicSlate(names, years, genre_sets, options)
    raise EmptySlate("no slate is left that was not already made; train on more films")


def _draw_years(
    chosen: list[DirectorEntry], catalogue: Catalogue, rng: random.Random
) -> tuple[int, ...]:
    """Draw years that lie in at least one of the careers."""
    training = catalogue.training_years
    possible = {
        year
        for entry in chosen
        for year in range(
            max(entry.first_year - CAREER_MARGIN_YEARS, training.first),
            min(entry.last_year + CAREER_MARGIN_YEARS, training.last) + 1,
        )
    }
    return tuple(sorted(rng.sample(sorted(possible), min(YEARS, len(possible)))))


def _draw_genre_sets(
    chosen: list[DirectorEntry], catalogue: Catalogue, rng: random.Random
) -> tuple[Genres, ...]:
    """Draw different sets, each of one director's own genres."""
    possible = {
        members
        for entry in chosen
        for size in range(1, MAX_GENRES + 1)
        for members in itertools.combinations(entry.genres, size)
    }
    drawn = rng.sample(sorted(possible), min(GENRE_SETS, len(possible)))
    return tuple(sorted(tuple(catalogue.genres[i] for i in members) for members in drawn))
