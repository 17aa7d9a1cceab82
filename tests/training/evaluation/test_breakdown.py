"""The model's errors by part, and its worst films."""

import numpy as np
import pytest

from data.films import Film
from training.evaluation.breakdown import CAREER, DECADE, GENRE, parts_of, worst_of


def film(number, genre, stars=6):
    return Film(
        title=f"T{number}", year=1990 + number % 2 * 10, director="D", genres=(genre,),
        kind="film", stars=stars,
    )  # fmt: skip


def test_errors_by_genre_decade_and_career_of_parts_with_enough_films():
    films = [film(i, "Drama") for i in range(60)] + [film(i, "War") for i in range(60, 70)]
    expected = np.where(np.arange(70) % 2 == 0, 7.0, 5.0)
    careers = np.where(np.arange(70) < 60, 0, 12)
    found = {(p.kind, p.label): p for p in parts_of([films], [expected], [careers])}
    assert set(found) == {(GENRE, "Drama"), (CAREER, "none")}
    assert found[GENRE, "Drama"].films == 60
    assert found[GENRE, "Drama"].rmse == 1.0
    assert found[GENRE, "Drama"].bias == 0.0
    double = parts_of([films, films], [expected] * 2, [careers] * 2)
    by_decade = {p.label: p.bias for p in double if p.kind == DECADE}
    assert by_decade == {"1990s": 1.0, "2000s": -1.0}


def test_the_worst_films_come_once_each_with_their_largest_error():
    films = [film(i, "Drama", stars=1 + i % 10) for i in range(30)]
    expected = np.full(30, 6.0)
    worst = worst_of([films, films], [expected, expected + 0.5])
    assert len(worst) == len({one.title for one in worst}) == 10
    assert worst[0].expected - worst[0].stars == pytest.approx(5.5)
