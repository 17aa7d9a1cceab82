"""IMDb's historical `ratings.list` (or `.gz`): ratings and titles; OMDb adds director and genres.

Latin-1. Before the table come tables of the best and worst with the same header, so a title may
appear twice; after it, below a line of dashes, comes an explanation. A row is

    New  Distribution  Votes  Rank  Title
          0000000125  1718411   9.3  The Shawshank Redemption (1994)

Series (their titles in quotes) and episodes (in braces) don't have one director and one year to
choose, so they don't count as films.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import msgspec

from data.errors import InvalidRecord
from data.film_table import BadRow
from data.films import Film, Kind, kind_of, normalise, sorted_genres, stars_of
from training.errors import SourceUnavailable
from training.sources import omdb, omdb_cache
from training.sources.options import Options

_HEADER = ["New", "Distribution", "Votes", "Rank", "Title"]
_ROW = re.compile(r"\s*[*]?\s+[0-9.*]{10}\s+(\d+)\s+(\d{1,2}\.\d)\s+(\S.*)")
_TITLE = re.compile(r"(.+?) \((\d{4}|\?{4})(?:/[IVXLC]+)?\)((?: \((?:TV|V|VG)\))?)")
_DASHES = re.compile(r"-{5,}")
_SERIES = '"'


class Rated(msgspec.Struct, frozen=True):
    """A row of the list.

    Attributes:
        title: as in the list, followed by year and kind.
        name: the title alone.
    """

    line: int
    title: str
    name: str
    year: int
    kind: Kind
    rating: float
    votes: int


def read_rows(path: Path, options: Options) -> Iterator[Film | BadRow]:
    """Yield the list's films with more votes than `options.min_votes`, most votes first.

    Films that OMDb doesn't know, or knows without a director, are bad rows. OMDb's replies are
    kept in `<path>.omdb.db`: a run that was interrupted or used up its quota continues from there.

    Raises:
        SourceUnavailable: the list can't be read, or today's OMDb quota is used up.
    """
    rated: dict[str, Rated] = {}
    for row in parse(path):
        if isinstance(row, BadRow):
            yield row
        elif row.votes > options.min_votes:
            rated.setdefault(row.title, row)
    # Most votes first: a run that stops early has the best-known films.
    ranked = sorted(rated.values(), key=lambda row: (-row.votes, row.title))
    wanted = [omdb.Question(row.name, row.year, row.kind == "game") for row in ranked]
    with omdb_cache.Cache(path.with_name(f"{path.name}.omdb.db")) as cache:
        if not options.known_only:
            omdb_cache.learn(wanted, cache, omdb.from_environment(options), options.progress)
        for row, question in zip(ranked, wanted, strict=True):
            reply = cache.find(question)
            if reply is not None:
                yield _film(row, reply)
            elif not options.known_only:
                yield BadRow(row.line, "OMDb's replies are broken", _cells(row))


def parse(path: Path) -> Iterator[Rated | BadRow]:
    """Yield the rows of a list, whatever their votes; series and episodes are skipped.

    Raises:
        SourceUnavailable: it can't be read, or contains no such table.
    """
    try:
        with _open(path) as file:
            found = False
            for row in _rows(file):
                found = True
                if row is not None:
                    yield row
    except (OSError, EOFError, zlib.error) as error:
        raise SourceUnavailable(f"{path}: cannot be read ({error})") from error
    if not found:
        raise SourceUnavailable(
            f"{path}: holds no row under a header {'  '.join(_HEADER)}; is it IMDb's ratings.list?"
        )


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="latin-1")
    return path.open(encoding="latin-1")


def _rows(file: TextIO) -> Iterator[Rated | BadRow | None]:
    """Yield each row; None for a row to skip."""
    inside = False
    doubtful: BadRow | None = None  # not a row, unless a header follows: then a heading
    for number, line in enumerate(file, start=1):
        text = line.rstrip("\r\n")
        if text.split() == _HEADER:
            inside, doubtful = True, None
        elif inside and text.strip():
            if doubtful:
                yield doubtful
                doubtful = None
            if _DASHES.fullmatch(text.strip()):
                inside = False
            elif row := _ROW.fullmatch(text.rstrip()):
                yield _rated(number, text, row)
            else:
                doubtful = BadRow(number, "it isn't a row of the table", (text,))
    if doubtful:
        yield doubtful


def _rated(number: int, text: str, row: re.Match[str]) -> Rated | BadRow | None:
    title = normalise(row[3])
    if title.startswith(_SERIES) or title.endswith("}"):
        return None
    parts = _TITLE.fullmatch(title)
    if parts is None or not parts[2].isdecimal():
        return BadRow(number, f"the title {title[:80]!r} has no year", (text,))
    return Rated(number, title, parts[1], int(parts[2]), kind_of(title), float(row[2]), int(row[1]))


def _cells(row: Rated) -> tuple[str, ...]:
    return row.title, str(row.rating), str(row.votes)


def _film(row: Rated, reply: omdb.Reply) -> Film | BadRow:
    if not reply.found:
        return BadRow(row.line, f"OMDb: {reply.error or 'does not know this film'}", _cells(row))
    film = Film(
        title=row.title,
        year=row.year,
        director=reply.director,
        genres=sorted_genres(reply.genres),
        kind=row.kind,
        stars=stars_of(row.rating),
        rating=row.rating,
        votes=row.votes,
    )
    try:
        film.check()
    except InvalidRecord as error:
        return BadRow(row.line, str(error), _cells(row))
    return film
