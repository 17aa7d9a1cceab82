"""Tables whose parts are in several files: joined, with what the parts lack from the sample.

The Movie Database's films get the director from the credits file beside them. MovieLens and
Letterboxd know no directors (Letterboxd no genres either): films that the sample has, too, get
them from there, by IMDb's number or by title and year. The others are left out, and `form` says
how many there are.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from training.errors import SourceUnavailable
from training.sources import sample
from training.sources.cells import directors_in, whole_of
from training.sources.table_file import Rows, TableFile, open_table, plain

CREDITS = ("tmdb_5000_credits.csv", "credits.csv")
_TMDB = ("id", "title", "release_date", "genres", "vote_average")
_MOVIELENS = ("movieId", "title", "genres")
_LETTERBOXD = ("Name", "Year", "Letterboxd URI", "Rating")
# `Toy Story (1995)`.
_TITLED_YEAR = re.compile(r"(.*\S)\s*\((\d{4})\)")


def open_joined(path: Path, encoding: str | None = None) -> TableFile:
    """Open a table, together with the files beside it that it needs.

    Raises:
        SourceUnavailable: naming file, line and fix, if one of them isn't a table.
    """
    table = open_table(path, encoding)
    if all(map(table.has, _TMDB)) and not table.has("crew") and not table.has("director"):
        return _with_credits(table)
    if all(map(table.has, _MOVIELENS)) and not table.has("director"):
        return _movielens(table)
    if all(map(table.has, _LETTERBOXD)) and not table.has("director"):
        return _letterboxd(table)
    return table


def _with_credits(table: TableFile) -> TableFile:
    credits = next((p for name in CREDITS if (p := table.path.with_name(name)).is_file()), None)
    if credits is None:
        return table
    crews = open_table(credits)
    number = crews.column("movie_id" if crews.has("movie_id") else "id")
    crew, own = crews.column("crew"), table.column("id")
    directors: dict[str, str] = {}
    for _, cells in crews.rows():
        if len(cells) == len(crews.header) and (found := directors_in(cells[crew])):
            directors.setdefault(cells[number].strip(), found[0])

    def read() -> Rows:
        yield table.header_line, [*table.header, "director"]
        width = len(table.header)
        for line, cells in table.rows():
            who = directors.get(cells[own].strip(), "") if len(cells) == width else ""
            # A row of the wrong length stays one, so that it's counted as such.
            yield line, [*cells, who] if len(cells) == width else cells

    return _joined(table, f"directors from {credits.name}", read)


def _movielens(table: TableFile) -> TableFile:
    links, ratings = (table.path.with_name(name) for name in ("links.csv", "ratings.csv"))
    if not (links.is_file() and ratings.is_file()):
        return table
    linked = open_table(links)
    ours, theirs = linked.column("movieId"), linked.column("imdbId")
    imdb = {
        cells[ours]: f"tt{cells[theirs].removeprefix('tt').zfill(7)}"
        for _, cells in linked.rows()
        if len(cells) == len(linked.header)
    }
    means, known = _mean_ratings(ratings), sample.directors()
    number, title, genres = (table.column(name) for name in _MOVIELENS)

    def of(cells: list[str]) -> list[str] | None:
        film = cells[number].strip()
        facts = known.get(imdb.get(film, ""))
        if facts is None or film not in means:
            return None
        titled = _TITLED_YEAR.fullmatch(cells[title].strip())
        kinds = "" if "no genres listed" in cells[genres] else cells[genres]
        name, year = titled.groups() if titled else (cells[title], str(facts.year))
        mean, votes = means[film]
        return [name, year, facts.director, kinds, f"{mean:.4f}", str(votes)]

    header = ["title", "year", "director", "genres", "mean_rating", "votes"]
    return _of_sample(table, header, of, f"with {links.name} and {ratings.name}")


def _mean_ratings(path: Path) -> dict[str, tuple[float, int]]:
    """Return each film's mean rating, and how many people gave one: up to 30 million rows."""
    from training.database import DatabaseError, connect

    with tempfile.TemporaryDirectory(prefix="greenlight-table-") as scratch:
        try:
            with connect(Path(scratch), ordered=False) as database:
                found = database.execute(
                    "SELECT CAST(movieId AS VARCHAR), avg(CAST(rating AS DOUBLE)), count(*) "
                    "FROM read_csv($1, header = true, all_varchar = true) GROUP BY 1",
                    [str(path)],
                ).fetchall()
        except DatabaseError as error:
            reason = str(error).splitlines()[0][:200]
            raise SourceUnavailable(f"{path}: isn't MovieLens's ratings: {reason}") from error
    return {str(film): (mean, votes) for film, mean, votes in found}


def _letterboxd(table: TableFile) -> TableFile:
    name, year, rating = (table.column(one) for one in ("Name", "Year", "Rating"))
    known = {(plain(film.title), film.year): film for film in sample.directors().values()}

    def of(cells: list[str]) -> list[str] | None:
        film = known.get((plain(cells[name]), whole_of(cells[year]) or 0))
        if film is None:
            return None
        return [cells[name], cells[year], film.director, film.genres, cells[rating]]

    header = ["title", "year", "director", "genres", "stars_of_five"]
    return _of_sample(table, header, of, "by title and year")


def _of_sample(
    table: TableFile, header: list[str], of: Callable[[list[str]], list[str] | None], how: str
) -> TableFile:
    width = len(table.header)

    def read() -> Rows:
        yield table.header_line, header
        for line, cells in table.rows():
            if len(cells) != width:
                yield line, cells
            elif (found := of(cells)) is not None:
                yield line, found

    rows = sum(1 for _ in table.rows())
    kept = sum(1 for _ in read()) - 1
    if not kept:
        raise SourceUnavailable(
            f"{table.path}: none of its {rows:,} films is in the Open Movie Database, which has "
            "the directors; add a column `director`"
        )
    with_it = f"joined {how}; the Open Movie Database knows {kept:,} of its {rows:,} films"
    return replace(_joined(table, with_it, read), header=tuple(header))


def _joined(table: TableFile, how: str, read: Callable[[], Rows]) -> TableFile:
    _, header = next(read())
    return replace(table, form=f"{table.form}, {how}", header=tuple(header), read=read)
