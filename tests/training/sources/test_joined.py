"""Layouts in several files, as people download them: joined, inspected, loaded."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from training.dataset import load
from training.errors import SourceUnavailable
from training.inspection import inspect
from training.sources import sample
from training.sources.options import Options
from training.sources.sample import SampleFilm


@pytest.fixture(scope="module")
def known() -> list[tuple[str, SampleFilm]]:
    """Films that the sample knows, of directors with many, each title once in its year."""
    found = list(sample.directors().items())
    made: dict[str, list[tuple[str, SampleFilm]]] = {}
    for number, film in found:
        made.setdefault(film.director, []).append((number, film))
    most = sorted(made.values(), key=lambda films: (-len(films), films[0][0]))[:8]
    return [entry for films in most for entry in films[:12]]


def written(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_movielens_gets_directors_by_its_links_and_means_of_its_ratings(tmp_path, known):
    draw = random.Random(23)
    movies, links, ratings = [], [], []
    for place, (number, film) in enumerate(known, 1):
        movies.append([place, f"{film.title} ({film.year})", "Comedy|Drama"])
        links.append([place, number.removeprefix("tt"), 1000 + place])
        ratings += [[user, place, draw.randrange(1, 11) / 2, 964982703] for user in range(4)]
    movies += [[900, "Nobody Knows It (1999)", "Drama"], [901, "No Rating", "(no genres listed)"]]
    links += [[900, "9999999", ""], [901, known[0][0].removeprefix("tt"), ""]]
    path = written(tmp_path / "movies.csv", ["movieId", "title", "genres"], movies)
    written(tmp_path / "links.csv", ["movieId", "imdbId", "tmdbId"], links)
    written(tmp_path / "ratings.csv", ["userId", "movieId", "rating", "timestamp"], ratings)
    found = inspect(path, Options())
    assert found.works, found.problems
    assert (found.rows, found.rows_in, found.rows_out) == (len(known), len(known), {})
    assert f"knows {len(known)} of its {len(known) + 2} films" in found.form
    table = load("csv", path)
    first, (_, film) = table.films[0], known[0]
    assert (first.director, first.year, first.genres) == (
        film.director, film.year, ("Comedy", "Drama"),
    )  # fmt: skip
    mean = sum(row[2] for row in ratings[:4]) / 4
    assert table.domain.outcome.of_rating(first.rating) == pytest.approx(mean, abs=1e-3)
    assert first.votes == 4


def test_movielens_alone_says_what_to_put_beside_it(tmp_path):
    path = written(
        tmp_path / "movies.csv", ["movieId", "title", "genres"], [[1, "A (1999)", "War"]]
    )
    with pytest.raises(SourceUnavailable, match=r"links\.csv and ratings\.csv beside this file"):
        load("csv", path)
    assert "links.csv" in inspect(path, Options()).problems[0]
    ratings = written(
        tmp_path / "ratings.csv", ["userId", "movieId", "rating", "timestamp"], [[1, 1, 4.0, 0]]
    )
    with pytest.raises(SourceUnavailable, match=r"name movies\.csv"):
        load("csv", ratings)
    written(tmp_path / "links.csv", ["movieId", "imdbId", "tmdbId"], [[1, "9999999", 1]])
    with pytest.raises(SourceUnavailable, match="none of its 1 films is in the Open Movie"):
        load("csv", path)


@pytest.mark.parametrize("credits", ["tmdb_5000_credits.csv", "credits.csv"])
def test_the_movie_databases_films_get_their_credits(tmp_path, credits):
    draw = random.Random(5)
    films, crews = [], []
    for number in range(1, 61):
        genres = json.dumps([{"id": 18, "name": "Drama"}, {"id": 28, "name": "Action"}])
        score = round(draw.uniform(3, 9), 1)
        films.append([number, f"Film {number}", f"{1980 + number % 30}-05-01", genres, score, 120])
        crew = [{"job": "Writer", "name": "W"}, {"job": "Director", "name": f"Ann {number % 6}"}]
        # The Movies Dataset writes Python's lists; the other one JSON.
        crews.append([number, str(crew) if credits == "credits.csv" else json.dumps(crew)])
    header = ["id", "title", "release_date", "genres", "vote_average", "vote_count"]
    path = written(tmp_path / "tmdb_5000_movies.csv", header, films)
    with pytest.raises(SourceUnavailable, match="directors are in the credits file"):
        load("csv", path)
    key = "movie_id" if credits.startswith("tmdb") else "id"
    written(tmp_path / credits, [key, "crew"], crews)
    found = inspect(path, Options())
    assert found.works, found.problems
    assert credits in found.form
    assert found.choices["Ann 1"] == 10
    assert load("csv", path).films[0].genres == ("Action", "Drama")


def test_letterboxd_gets_directors_and_genres_by_title_and_year(tmp_path, known):
    draw = random.Random(7)
    rows = [
        ["2020-01-01", film.title, film.year, "https://boxd.it/x", draw.randrange(1, 11) / 2]
        for _, film in known
    ]
    rows.append(["2020-01-01", "A Film That Nobody Made", 1999, "https://boxd.it/x", 4.5])
    header = ["Date", "Name", "Year", "Letterboxd URI", "Rating"]
    path = written(tmp_path / "ratings.csv", header, rows)
    found = inspect(path, Options())
    assert found.works, found.problems
    assert f"knows {len(known)} of its {len(known) + 1} films" in found.form
    table = load("csv", path)
    assert table.films[0].director == known[0][1].director
    assert (table.domain.outcome.low, table.domain.outcome.high) == (0.5, 5.0)
