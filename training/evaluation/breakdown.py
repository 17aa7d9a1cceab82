"""The model's errors by genre, decade and films of the director, and its worst films."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from data.films import Film
from training.model.careers import Floats, Ints

GENRE, DECADE, CAREER = "genre", "decade", "films of the director"
# A mean over fewer films isn't meaningful.
_FEWEST = 50
_WORST = 10
_CAREERS = (
    (0, 0, "none"),
    (1, 2, "1 to 2"),
    (3, 5, "3 to 5"),
    (6, 10, "6 to 10"),
    (11, 10**9, "more"),
)


class Part(msgspec.Struct, frozen=True):
    """Some of the test films, and how far off the model is on them.

    Attributes:
        kind: what they have in common: GENRE, DECADE or CAREER (films to learn from).
        label: which.
        films: how many there are, over all splits.
        rmse: of expected stars.
        bias: the mean of expected less true stars: above 0, they're expected too high.
    """

    kind: str
    label: str
    films: int
    rmse: float
    bias: float


class WorstFilm(msgspec.Struct, frozen=True):
    """A film with one of the largest errors."""

    title: str
    director: str
    stars: int
    expected: float


def parts_of(
    tests: Sequence[Sequence[Film]], expected: Sequence[Floats], careers: Sequence[Ints]
) -> list[Part]:
    """Return the errors of parts that have enough films.

    Args:
        tests: the test films of each split.
        expected: their expected stars, [n] each.
        careers: how many films to learn from their directors have, [n] each.
    """
    films = [film for test in tests for film in test]
    errors = np.concatenate(expected) - np.array([film.stars for film in films])
    known = np.concatenate(careers)
    labels = [
        *((GENRE, genre) for genre in sorted({g for film in films for g in film.genres})),
        *((DECADE, f"{d}s") for d in sorted({film.year // 10 * 10 for film in films})),
        *((CAREER, label) for _, _, label in _CAREERS),
    ]
    rows: dict[tuple[str, str], list[int]] = {label: [] for label in labels}
    for row, film in enumerate(films):
        for label in _labels_of(film, int(known[row])):
            rows[label].append(row)
    return [
        Part(*label, len(some), _rmse(errors[some]), float(errors[some].mean()))
        for label, some in rows.items()
        if len(some) >= _FEWEST
    ]


def worst_of(tests: Sequence[Sequence[Film]], expected: Sequence[Floats]) -> list[WorstFilm]:
    """Return the ten films with the largest errors; each once, by its largest."""
    found: dict[tuple[str, str], WorstFilm] = {}
    for test, of_test in zip(tests, expected, strict=True):
        for film, stars in zip(test, of_test, strict=True):
            one = WorstFilm(film.title, film.director, film.stars, float(stars))
            key = film.title, film.director
            if key not in found or _off(found[key]) < _off(one):
                found[key] = one
    return sorted(found.values(), key=lambda one: (-_off(one), one.title))[:_WORST]


def _labels_of(film: Film, known: int) -> Iterator[tuple[str, str]]:
    yield from ((GENRE, genre) for genre in film.genres)
    yield DECADE, f"{film.year // 10 * 10}s"
    yield CAREER, next(label for low, high, label in _CAREERS if low <= known <= high)


def _off(film: WorstFilm) -> float:
    return abs(film.expected - film.stars)


def _rmse(errors: Floats) -> float:
    return float(np.sqrt((errors**2).mean()))
