"""Well-known kinds of tables, recognised by their columns, and how to map these."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from data.domain import FILMS, Domain, DomainExtra
from data.film_table import COLUMNS, OPTIONAL_COLUMNS
from training.sources.mapped import CREW
from training.sources.table_file import TableFile, plain

FILM_TABLE = "film table"
# Other names for the columns that `movie_ratings_simple.csv` calls Director1, rating and so on.
_CALLED = {
    "title": ("title", "name", "movie", "film", "movietitle", "filmtitle", "primarytitle"),
    "year": ("year", "titleyear", "releaseyear", "startyear", "releasedate"),
    "Director1": ("director1", "director", "directors", "directorname"),
    "Genre1": ("genre1",),
    "Genre2": ("genre2",),
    "Genre3": ("genre3",),
    "stars": ("stars",),
    "rating": ("rating", "imdbrating", "imdbscore", "averagerating", "voteaverage", "score"),
    "votes": ("votes", "numvotes", "imdbvotes", "numvotedusers", "votecount"),
}


@dataclass(frozen=True)
class Layout:
    """One kind of table.

    Attributes:
        name: for messages.
        needs: the columns it is recognised by.
        domain: maps its columns; None if it lacks some that a model needs.
        advice: what to do in that case.
    """

    name: str
    needs: tuple[str, ...]
    domain: Domain | None = None
    advice: str = ""


def _films(
    *,
    director: str,
    genres: str,
    rating: str,
    year: str,
    title: str,
    votes: str | None = None,
    separator: str = "",
    several: str = ", ",
    low: float = 1.0,
    high: float = 10.0,
    step: float = 0.1,
    unit: str = "stars",
) -> Domain:
    assert FILMS.ordinal is not None
    assert FILMS.tags is not None
    change = msgspec.structs.replace
    return change(
        FILMS,
        choice=change(FILMS.choice, column=director, separator=several),
        ordinal=change(FILMS.ordinal, column=year),
        tags=change(FILMS.tags, columns=(genres,), separator=separator),
        outcome=change(
            FILMS.outcome,
            column=rating, low=low, high=high, step=step, unit=unit, good=low + 0.75 * (high - low),
        ),
        extra=DomainExtra(title=title, votes=votes),
    )  # fmt: skip


LAYOUTS = (
    Layout(
        "IMDB 5000",
        ("movie_title", "director_name", "genres", "title_year", "imdb_score", "num_voted_users"),
        _films(
            director="director_name", genres="genres", separator="|", rating="imdb_score",
            year="title_year", title="movie_title", votes="num_voted_users",
        ),
    ),
    Layout(
        "IMDb's export of your ratings",
        ("Const", "Your Rating", "Title", "Year", "Genres", "Directors"),
        _films(
            director="Directors", genres="Genres", separator=", ", rating="Your Rating",
            year="Year", title="Title", step=1.0,
        ),
    ),
    Layout(
        "IMDb's export of a list",
        ("Const", "IMDb Rating", "Title", "Year", "Genres", "Directors", "Num Votes"),
        _films(
            director="Directors", genres="Genres", separator=", ", rating="IMDb Rating",
            year="Year", title="Title", votes="Num Votes",
        ),
    ),
    Layout(
        "The Open Movie Database",
        ("Title", "Year", "Director", "Genre", "imdbRating", "imdbVotes"),
        _films(
            director="Director", genres="Genre", separator=", ", rating="imdbRating",
            year="Year", title="Title", votes="imdbVotes",
        ),
    ),
    Layout(
        "The Movie Database, with its crew",
        ("title", "release_date", "genres", "crew", "vote_average", "vote_count"),
        _films(
            director="crew", several=CREW, genres="genres", rating="vote_average",
            year="release_date", title="title", votes="vote_count",
        ),
    ),
    Layout(
        "The Movie Database",
        ("title", "release_date", "genres", "director", "vote_average", "vote_count"),
        _films(
            director="director", genres="genres", rating="vote_average",
            year="release_date", title="title", votes="vote_count",
        ),
    ),
    Layout(
        "The Movie Database, without its crew",
        ("id", "title", "release_date", "genres", "vote_average"),
        advice="directors are in the credits file of the same download: put "
        "tmdb_5000_credits.csv or credits.csv beside this file, and both are joined",
    ),
    Layout(
        "Letterboxd's export, with the sample's directors",
        ("title", "year", "director", "genres", "stars_of_five"),
        _films(
            director="director", genres="genres", separator=", ", rating="stars_of_five",
            year="year", title="title", low=0.5, high=5.0, step=0.5,
        ),
    ),
    Layout(
        "MovieLens, with its links",
        ("title", "year", "director", "genres", "mean_rating", "votes"),
        _films(
            director="director", genres="genres", separator="|", rating="mean_rating",
            year="year", title="title", votes="votes", low=0.5, high=5.0, step=0.5,
        ),
    ),
    Layout(
        "Letterboxd's export",
        ("Name", "Year", "Letterboxd URI", "Rating"),
        advice="Letterboxd exports neither directors nor genres",
    ),
    Layout(
        "MovieLens ratings",
        ("userId", "movieId", "rating", "timestamp"),
        advice="name movies.csv, with this ratings.csv and links.csv beside it",
    ),
    Layout(
        "MovieLens",
        ("movieId", "title", "genres"),
        advice="MovieLens has no directors; put its links.csv and ratings.csv beside this file, "
        "and films that the sample knows are joined with its directors",
    ),
)  # fmt: skip


def recognise(table: TableFile) -> Layout | None:
    """Return the layout of a table, if it is a known one."""
    return next((known for known in LAYOUTS if all(map(table.has, known.needs))), None)


def film_columns(table: TableFile) -> dict[str, int]:
    """Return the positions of a film table's columns, under any names; empty if it isn't one.

    Raises:
        SourceUnavailable: a needed column occurs twice.
    """
    names = [plain(name) for name in table.header]
    found: dict[str, int] = {}
    for column in (*COLUMNS, *OPTIONAL_COLUMNS):
        for name in _CALLED[column]:
            if name in names:
                found[column] = table.column(name)
                break
    return found if all(column in found for column in COLUMNS) else {}


def guess_films(table: TableFile) -> Layout | None:
    """Return the domain of films with common column names, or None."""
    names = {plain(name): name for name in table.header}

    def called(*keys: str) -> str | None:
        wanted = [name for key in keys for name in _CALLED.get(key, (key,))]
        return next((names[name] for name in wanted if name in names), None)

    director, genres, year = called("Director1"), called("genres", "genre"), called("year")
    rating, title = called("rating", "stars"), called("title")
    if director is None or genres is None or year is None or rating is None or title is None:
        return None
    domain = _films(
        director=director, genres=genres, rating=rating, year=year, title=title,
        votes=called("votes"),
    )  # fmt: skip
    return replace(Layout("films", ()), domain=domain)
