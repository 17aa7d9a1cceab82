"""The Open Movie Database snapshot inside the package bokeh-sampledata 2025.0.

About 12,500 films with IMDb's ratings and vote counts (CC BY-NC 4.0). The only module that uses
bokeh_sampledata.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from data.errors import InvalidRecord
from data.film_table import BadRow
from data.films import Film, normalise, sorted_genres, stars_of
from training.errors import SourceUnavailable

TABLE = "movies.db, table omdb"
_QUERY = (
    "SELECT ID, Title, Year, Director, Genre, imdbRating, imdbVotes FROM omdb ORDER BY Year, ID"
)


def read_rows() -> Iterator[Film | BadRow]:
    """Yield the snapshot's rows by year and IMDb number; a bad row's line is its IMDb number.

    Raises:
        SourceUnavailable: the package is missing, or a version without this table.
    """
    with as_file(_resource()) as path:
        yield from _read(Path(path))


class SampleFilm(NamedTuple):
    """What the sample knows about a film, for tables that don't."""

    title: str
    year: int
    director: str
    genres: str


def directors() -> dict[str, SampleFilm]:
    """Return the films whose director and genres are known, by IMDb's number (`tt0111161`).

    Raises:
        SourceUnavailable: as read_rows does.
    """
    with as_file(_resource()) as path:
        _check_there(Path(path))
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
            rows = database.execute(
                "SELECT imdbID, Title, Year, Director, Genre FROM omdb "
                "WHERE Director > '' AND Genre > '' AND Title > '' AND imdbID > ''"
            )
            return {
                number: SampleFilm(title, year, director.split(",")[0].strip(), genres)
                for number, title, year, director, genres in rows
            }


def _resource() -> Traversable:
    try:
        return files("bokeh_sampledata") / "_data" / "movies.db"
    except ModuleNotFoundError as error:
        raise SourceUnavailable(
            "source sample needs bokeh-sampledata==2025.0; install the extra `training`"
        ) from error


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise SourceUnavailable(f"{path}: is missing; install bokeh-sampledata==2025.0")


def _read(path: Path) -> Iterator[Film | BadRow]:
    _check_there(path)
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
        try:
            rows = database.execute(_QUERY)
        except sqlite3.DatabaseError as error:
            raise SourceUnavailable(
                f"{path}: {error}; another version of bokeh-sampledata? 2025.0 is needed"
            ) from error
        for number, *cells in rows:
            try:
                yield _film(*cells)
            except InvalidRecord as error:
                texts = tuple("" if cell is None else str(cell) for cell in cells)
                yield BadRow(number, str(error), texts)
    database.close()


def _film(
    title: str | None,
    year: int | None,
    directors: str | None,
    genres: str | None,
    rating: float | None,
    votes: int | None,
) -> Film:
    """Return the film of a row: its first named director and its first three genres."""
    if rating is None:
        raise InvalidRecord("rating", "is missing: this film has no ratings")
    film = Film(
        title=f"{normalise(title or '')} ({year})" if title else "",
        year=year or 0,
        director=normalise((directors or "").split(",")[0]),
        genres=sorted_genres((genres or "").split(",")),
        kind="film",
        stars=stars_of(rating),
        rating=rating,
        votes=votes,
    )
    film.check()
    return film
