"""Wikidata's films inside a newer bokeh-sampledata: CC0, so anybody may use them for anything.

16,956 films of 1940 to 2014 with the share of critics who recommend each, 0 to 100. The sample
needs an older version of the same package, so the wheel is read as a file and never installed.
"""

from __future__ import annotations

import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from data.domain import FILMS, Domain
from data.errors import InvalidRecord
from data.film_table import BadRow
from data.films import Film, normalise, sorted_genres, stars_of
from training.errors import SourceUnavailable

# Where `make wikidata` puts the wheel.
FOLDER = Path("data/films/wikidata")
DATABASE = "bokeh_sampledata/_data/movies.db"
DOMAIN: Domain = msgspec.structs.replace(
    FILMS,
    outcome=msgspec.structs.replace(
        FILMS.outcome, column="Meter", low=0.0, high=100.0, step=1.0, unit="%", good=75.0
    ),
)
_MOST_BYTES = 100_000_000
_QUERY = (
    "SELECT ID, Title, Year, Director, Genre, Meter, Reviews "
    "FROM omdb JOIN tomatoes USING (ID) ORDER BY Year, imdbID"
)


def read_rows(path: Path) -> Iterator[Film | BadRow]:
    """Yield the films of a wheel by year and IMDb number; a bad row's line is the package's ID.

    Args:
        path: the wheel, or the folder that holds it and no other.

    Raises:
        SourceUnavailable: there is no such wheel, or it has no such films.
    """
    wheel = _wheel(path)
    with tempfile.TemporaryDirectory(prefix="greenlight-wikidata-") as scratch:
        database = Path(scratch) / "movies.db"
        database.write_bytes(_content(wheel))
        with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as opened:
            try:
                rows = opened.execute(_QUERY)
            except sqlite3.DatabaseError as error:
                raise SourceUnavailable(
                    f"{wheel}: {DATABASE} can't be read: {error}; `make wikidata` fetches the "
                    "version that can"
                ) from error
            for number, *cells in rows:
                try:
                    yield _film(*cells)
                except InvalidRecord as error:
                    texts = tuple("" if cell is None else str(cell) for cell in cells)
                    yield BadRow(number, str(error), texts)


def _wheel(path: Path) -> Path:
    found = sorted(path.glob("bokeh_sampledata-*.whl")) if path.is_dir() else [path]
    if len(found) != 1 or not found[0].is_file():
        raise SourceUnavailable(
            f"{path}: holds {'several wheels' if len(found) > 1 else 'no wheel'} of "
            "bokeh-sampledata; `make wikidata` fetches the one that is read, by its hash"
        )
    return found[0]


def _content(wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(DATABASE).file_size > _MOST_BYTES:
                raise SourceUnavailable(f"{wheel}: {DATABASE} is too large to be the right one")
            return archive.read(DATABASE)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise SourceUnavailable(
            f"{wheel}: isn't a wheel with {DATABASE}; `make wikidata` fetches the right one"
        ) from error


def _film(
    title: str | None,
    year: int | None,
    directors: str | None,
    genres: str | None,
    meter: float | None,
    reviews: int | None,
) -> Film:
    """Return the film of a row: its first named director and its first three genres."""
    if meter is None:
        raise InvalidRecord("Meter", "is missing: no critics recommend or reject this film")
    rating = DOMAIN.rating_of(meter)
    film = Film(
        title=f"{normalise(title or '')} ({year})" if title else "",
        year=year or 0,
        director=normalise((directors or "").split(",")[0]),
        genres=sorted_genres([name for name in (genres or "").split(",") if name.strip()]),
        kind="film",
        stars=stars_of(rating),
        rating=rating,
        votes=reviews,
    )
    film.check()
    return film
