"""A made-up studio whose audience likes other films than the ratings of the past say.

The film table is what the public thought: each director has a talent and a favourite genre, each
genre is liked more or less. The studio works with some of these directors, and its own audience
differs: some directors are much better with it, or much worse, and its taste in genres is another.
The model knows the table only; the audience shows itself in the ratings of the films made.
"""

from __future__ import annotations

import numpy as np

from data.films import Combination, Film, Genres, stars_of
from edge.search.slate import Directors, Slate, Years
from training.export.example_bundle import GENRES

FIRST_YEAR, LAST_YEAR = 1990, 2020
# How long before the table ends a director may have made the last film.
_LATELY = 3
# How many of its directors are free at a time.
FREE_DIRECTORS = 12

_AVERAGE = 6.3
_FAVOURITE_BONUS = 0.4
_NOISE = 0.5
# The share of directors with a single film.
_ONE_FILM, _MOST_FILMS = 0.35, 20
# Of the studio's directors so many are another thing to its audience, by so many stars.
_CHANGED_SHARE, _CHANGED_BY = 0.4, 1.2


class World:
    """The public's taste, the audience's, and the films of the past.

    Args:
        seed: of everything made up.
        directors: how many there are in the film table.
        ours: how many of them the studio works with.
    """

    def __init__(self, seed: int, directors: int = 600, ours: int = 60) -> None:
        draw = np.random.default_rng(seed)
        self.names = [f"Director {number:04d}" for number in range(directors)]
        self._talent = dict(zip(self.names, draw.normal(0.0, 0.6, directors), strict=True))
        self._favourite = dict(zip(self.names, draw.choice(GENRES, directors), strict=True))
        self._public = dict(zip(GENRES, draw.normal(0.0, 0.3, len(GENRES)), strict=True))
        audience = draw.normal(0.0, 0.4, len(GENRES))
        self._audience = dict(zip(GENRES, audience - audience.mean(), strict=True))
        self.ours = tuple(sorted(draw.choice(self.names, ours, replace=False)))
        shift = draw.normal(0.0, 0.2, ours)
        changed = draw.permutation(ours)[: round(_CHANGED_SHARE * ours)]
        shift[changed] += draw.permutation(np.resize([_CHANGED_BY, -_CHANGED_BY], len(changed)))
        self._shift = dict(zip(self.ours, shift, strict=True))
        self._liked: dict[tuple[str, Genres], float] = {}
        self.films = [film for name in self.names for film in self._past(name, draw)]

    def _past(self, name: str, draw: np.random.Generator) -> list[Film]:
        """Return the films that a director has made."""
        # As in real tables: most have made one film or two, a few have made many.
        count = int(min(draw.geometric(_ONE_FILM), _MOST_FILMS))
        last = int(draw.integers(LAST_YEAR - _LATELY, LAST_YEAR + 1))
        first = max(FIRST_YEAR, last - int(draw.integers(count, 3 * count + 1)))
        films = []
        for number, year in enumerate(np.sort(draw.integers(first, last + 1, count)).tolist()):
            chosen = {self._favourite[name]} if draw.random() < 0.6 else set()
            chosen |= set(draw.choice(GENRES, int(draw.integers(1, 3))).tolist())
            genres = tuple(sorted(chosen))
            expected = self.public(Combination(name, year, genres))
            rating = rated(expected, float(draw.normal()))
            title = f"{name} Film {number + 1} ({year})"
            votes = int(draw.lognormal(7, 1.2)) + 20
            films.append(Film(title, year, name, genres, "film", stars_of(rating), rating, votes))
        return films

    def public(self, film: Combination) -> float:
        """Return what the public thinks of a film."""
        liked = float(np.mean([self._public[genre] for genre in film.genres]))
        bonus = _FAVOURITE_BONUS * (self._favourite[film.director] in film.genres)
        return _AVERAGE + float(self._talent[film.director]) + liked + bonus

    def truth(self, film: Combination) -> float:
        """Return what the studio's audience thinks of a film by one of its directors."""
        key = film.director, film.genres
        if key not in self._liked:
            liked = float(np.mean([self._audience[genre] for genre in film.genres]))
            self._liked[key] = self.public(film) + float(self._shift[film.director]) + liked
        return self._liked[key]

    def slate(self, round_number: int) -> Slate:
        """Return what a press chooses from: those of the studio's directors who are free.

        Each round is a year, the first one after the table's last: there are always new films to
        be made, with any director in any genres.
        """
        return Slate(
            directors=Directors(names=self.ours, draw=FREE_DIRECTORS),
            years=Years(only=(LAST_YEAR + 1 + round_number,)),
            plausible=False,
        )


def rated(expected: float, chance: float) -> float:
    """Return a film's rating: its worth plus standard normal noise."""
    return round(min(max(expected + _NOISE * chance, 1.0), 10.0), 1)
