r"""IMDb's own files: `title.basics`, `title.crew`, `title.ratings` and `name.basics`.

They are in one folder as `.tsv` or `.tsv.gz`: tab-separated without quoting, `\N` for null. They
have more than ten million titles, too many for pandas, so DuckDB filters and joins them in limited
memory.

Series and episodes don't have one director and one year to choose, so they don't count as films.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from data.errors import InvalidRecord
from data.film_table import BadRow
from data.films import Film, Kind, normalise, sorted_genres, stars_of
from training.database import Database, DatabaseError, connect
from training.errors import SourceUnavailable
from training.sources.options import Options

# The columns of each file, in order, as IMDb describes them.
FILES = {
    "title.basics": (
        *("tconst", "titleType", "primaryTitle", "originalTitle", "isAdult"),
        *("startYear", "endYear", "runtimeMinutes", "genres"),
    ),
    "title.crew": ("tconst", "directors", "writers"),
    "title.ratings": ("tconst", "averageRating", "numVotes"),
    "name.basics": (
        *("nconst", "primaryName", "birthYear", "deathYear"),
        *("primaryProfession", "knownForTitles"),
    ),
}
SUFFIXES = (".tsv", ".tsv.gz")
KIND_OF_TYPE: dict[str, Kind] = {
    "movie": "film",
    "short": "film",
    "tvMovie": "tv",
    "tvMiniSeries": "tv",
    "tvShort": "tv",
    "tvSpecial": "tv",
    "video": "video",
    "videoGame": "game",
}
# The film table marks the kind by the title's suffix; see data.films.kind_of.
_SUFFIX_OF_KIND: dict[Kind, str] = {"film": "", "tv": " (TV)", "video": " (V)", "game": " (VG)"}
_ROWS_AT_ONCE = 5_000

# Each file is read once. The smallest table comes first, so that every join is with it.
_STEPS = {
    "ratings": """
        CREATE TEMP TABLE rated AS
        SELECT tconst, CAST(averageRating AS DOUBLE) AS rating, CAST(numVotes AS BIGINT) AS votes
        FROM {title.ratings} WHERE CAST(numVotes AS BIGINT) > $min_votes""",
    "titles": """
        CREATE TEMP TABLE titles AS
        SELECT tconst, titleType, primaryTitle, startYear, genres, rating, votes
        FROM {title.basics} JOIN rated USING (tconst) WHERE list_contains($types, titleType)""",
    "directors": """
        CREATE TEMP TABLE credits AS
        SELECT tconst, unnest(string_split(directors, ',')) AS nconst,
               generate_subscripts(string_split(directors, ','), 1) AS place
        FROM {title.crew} SEMI JOIN titles USING (tconst)""",
    "names": """
        CREATE TEMP TABLE directed AS
        SELECT tconst, arg_min(primaryName, place) AS director
        FROM {name.basics} JOIN credits USING (nconst)
        WHERE primaryName IS NOT NULL GROUP BY tconst""",
}
_FILMS = """
    SELECT CAST(substr(tconst, 3) AS BIGINT) AS number, titleType, primaryTitle, startYear,
           director, genres, rating, votes
    FROM titles LEFT JOIN directed USING (tconst) ORDER BY startYear, number"""


def find(folder: Path) -> dict[str, Path]:
    """Return the four files of a folder, by name.

    Raises:
        SourceUnavailable: naming the files that are missing.
    """
    found = {
        name: path
        for name in FILES
        for suffix in reversed(SUFFIXES)
        if (path := folder / f"{name}{suffix}").is_file()
    }
    missing = [name for name in FILES if name not in found]
    if missing:
        raise SourceUnavailable(
            f"{folder}: lacks {', '.join(f'{name}.tsv(.gz)' for name in missing)}; put IMDb's "
            "files there, or fetch them with `greenlight-train dataset --source imdb --download`"
        )
    for name, path in found.items():
        _check_header(path, FILES[name])
    return found


def _check_header(path: Path, columns: tuple[str, ...]) -> None:
    # DuckDB gets the columns from us, so it doesn't detect them and would accept any header.
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            header = tuple(file.readline().rstrip("\r\n").split("\t"))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SourceUnavailable(f"{path}: cannot be read ({error}); fetch it again") from error
    if header != columns:
        raise SourceUnavailable(
            f"{path}: line 1 has the columns {', '.join(header)[:200]}; "
            f"IMDb's file has {', '.join(columns)}"
        )


def read_rows(folder: Path, options: Options) -> Iterator[Film | BadRow]:
    """Yield the films of a folder by year and number; a bad row's line is its IMDb number.

    Raises:
        SourceUnavailable: a file is missing or broken, or isn't such a table.
    """
    files = find(folder)
    with (
        tempfile.TemporaryDirectory(prefix="greenlight-imdb-") as scratch,
        connect(Path(scratch)) as database,
    ):
        try:
            for done, (step, query) in enumerate(_STEPS.items()):
                options.progress(f"read {step}", done / (len(_STEPS) + 1))
                _run(database, query, files, options)
            rows = database.execute(_FILMS)
            while chunk := rows.fetchmany(_ROWS_AT_ONCE):
                yield from map(_row, chunk)
        except DatabaseError as error:
            raise SourceUnavailable(f"{folder}: {_first_lines(error)}") from error


def _run(database: Database, query: str, files: dict[str, Path], options: Options) -> None:
    values: dict[str, object] = {"min_votes": options.min_votes, "types": list(KIND_OF_TYPE)}
    for name, columns in FILES.items():
        if f"{{{name}}}" in query:
            query = query.replace(f"{{{name}}}", _reader(columns))
            values["file"] = str(files[name])
    used = {name: value for name, value in values.items() if f"${name}" in query}
    database.execute(query, used)


def _reader(columns: tuple[str, ...]) -> str:
    """Return the SQL that reads a file with exactly these columns; `$file` is its path."""
    types = ", ".join(f"'{column}': 'VARCHAR'" for column in columns)
    return (
        "read_csv($file, delim='\t', header=true, quote='', escape='', nullstr='\\N', "
        f"auto_detect=false, columns={{{types}}}, strict_mode=true)"
    )


def _first_lines(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[:4])


def _row(cells: tuple[object, ...]) -> Film | BadRow:
    number, *rest = cells
    try:
        return _film(*rest)  # type: ignore[arg-type]
    except InvalidRecord as error:
        texts = tuple("" if cell is None else str(cell) for cell in rest)
        return BadRow(int(str(number)), str(error), texts)


def _film(
    title_type: str,
    title: str | None,
    year: str | None,
    director: str | None,
    genres: str | None,
    rating: float,
    votes: int,
) -> Film:
    """Return the film of a row, with the first director whose name is known and three genres."""
    if year is None or not year.isdecimal():
        raise InvalidRecord("year", "is missing or isn't a number")
    kind = KIND_OF_TYPE[title_type]
    film = Film(
        title=f"{normalise(title)} ({year}){_SUFFIX_OF_KIND[kind]}" if title else "",
        year=int(year),
        director=normalise(director or ""),
        genres=sorted_genres((genres or "").split(",")),
        kind=kind,
        stars=stars_of(rating),
        rating=rating,
        votes=votes,
    )
    film.check()
    return film
