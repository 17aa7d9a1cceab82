"""The interchange file `movie_ratings_simple.csv` (or `.tsv`), read and written row by row.

Columns: `title,year,Director1,Genre1,Genre2,Genre3,stars`, in any case, and optionally
`rating,votes`; the text `None` for an empty slot; UTF-8, or UTF-16 with a byte-order mark; commas,
semicolons or tabs (.tsv: tabs); standard quoting. Written in UTF-8 with commas (.tsv: tabs).
"""

from __future__ import annotations

import codecs
import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from data.durable import rename_durably
from data.errors import GreenlightError, InvalidRecord
from data.films import NO_GENRE, Film, genre_slots, kind_of, normalise, sorted_genres

COLUMNS = ("title", "year", "Director1", "Genre1", "Genre2", "Genre3", "stars")
OPTIONAL_COLUMNS = ("rating", "votes")
_KNOWN = {column.casefold(): column for column in (*COLUMNS, *OPTIONAL_COLUMNS)}
# A year, or a range of years of which the first counts: `1994`, `1994.0`, `1994-1998`, `1994–`.
_YEAR = re.compile(r"(\d{4})(?:\.0+|\s*[-–]\s*(?:\d{4})?)?")
# A number with a comma before each three digits: `1,086`.
_THOUSANDS = re.compile(r"\s*\d{1,3}(?:,\d{3})+(?:\.0+)?\s*")
_EMPTY = ("", NO_GENRE)


class TableUnreadable(GreenlightError):
    """A file isn't a film table at all."""


@dataclass(frozen=True)
class BadRow:
    """A row that isn't a film.

    Attributes:
        line: of the file, from 1, where the row ends.
        reason: what is wrong with it, naming the column.
        cells: as they were read.
    """

    line: int
    reason: str
    cells: tuple[str, ...]


def is_film(row: Film | BadRow) -> TypeGuard[Film]:
    """Return whether a row of a table is a film."""
    return isinstance(row, Film)


def _format(path: Path) -> tuple[str, str]:
    """Return a file's encoding, and the separator that is commonest in its header."""
    with path.open("rb") as file:
        header = file.readline(10_000)
    encoding = "utf-16" if header[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    if path.suffix.lower() == ".tsv":
        return encoding, "\t"
    return encoding, max(",;\t", key=lambda separator: header.count(separator.encode()))


def read_rows(path: Path) -> Iterator[Film | BadRow]:
    """Yield each row of a film table, in order: a film, or why it isn't one.

    Raises:
        TableUnreadable: if the file is missing, isn't UTF-8 or UTF-16, or lacks a column.
    """
    try:
        encoding, delimiter = _format(path)
        file = path.open(encoding=encoding, newline="")
    except OSError as error:
        raise TableUnreadable(f"{path}: {error.strerror}") from error
    with file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = [_column(cell) for cell in next(reader, [])]
            missing = [column for column in COLUMNS if column not in header]
            if missing:
                raise TableUnreadable(f"{path}: line 1 lacks the column {missing[0]!r}")
            twice = [column for column in _KNOWN.values() if header.count(column) > 1]
            if twice:
                raise TableUnreadable(f"{path}: line 1 has the column {twice[0]!r} twice")
            for cells in reader:
                if cells:
                    yield _row(header, cells, reader.line_num)
        except csv.Error as error:
            raise TableUnreadable(f"{path}: line {reader.line_num}: {error}") from error
        except UnicodeDecodeError as error:
            raise TableUnreadable(
                f"{path}: after line {reader.line_num}: isn't UTF-8 ({error.reason}); "
                "save it as UTF-8"
            ) from error


def _column(cell: str) -> str:
    """Return a column's name as this module writes it, from any case and with any spaces."""
    name = normalise(cell)
    return _KNOWN.get(name.casefold().replace(" ", ""), name)


def _row(header: Sequence[str], cells: list[str], line: int) -> Film | BadRow:
    if len(cells) != len(header):
        reason = f"has {len(cells)} cells; the header has {len(header)}"
        return BadRow(line, reason, tuple(cells))
    try:
        return film_of(dict(zip(header, cells, strict=True)))
    except InvalidRecord as error:
        return BadRow(line, str(error), tuple(cells))


def film_of(cells: dict[str, str]) -> Film:
    """Return the film that the cells of a row describe, by column.

    Raises:
        InvalidRecord: naming the column.
    """
    title = normalise(cells["title"])
    rating = cells.get("rating", "").strip()
    votes = cells.get("votes", "").strip()
    director = normalise(cells["Director1"])
    film = Film(
        title=title,
        year=year_of(cells["year"]),
        director="" if director == NO_GENRE else director,
        genres=sorted_genres(cells[f"Genre{slot}"] for slot in (1, 2, 3)),
        kind=kind_of(title),
        stars=_whole("stars", cells["stars"]),
        rating=None if rating in _EMPTY else _decimal("rating", rating),
        votes=None if votes in _EMPTY else _whole("votes", votes),
    )
    film.check()
    return film


def year_of(text: str) -> int:
    """Return the year of a cell; of a range, the first.

    Raises:
        InvalidRecord: naming `year`.
    """
    found = _YEAR.fullmatch(text.strip())
    if not found:
        raise InvalidRecord("year", f"is {text[:40]!r}; give four digits")
    return int(found[1])


def _whole(column: str, text: str) -> int:
    number = _decimal(column, text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    if number != int(number):
        raise InvalidRecord(column, f"is {text[:40]!r}; give a whole number")
    return int(number)


def _decimal(column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise InvalidRecord(column, f"is {text[:40]!r}; give a number") from None
    if not math.isfinite(number):
        raise InvalidRecord(column, f"is {text[:40]!r}; give a finite number")
    return number


def write_films(path: Path, films: Iterable[Film]) -> int:
    """Write a film table, with `rating,votes` columns; return the number of films.

    The file appears whole or not at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    count = 0
    with fresh.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(
            file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", lineterminator="\n"
        )
        writer.writerow([*COLUMNS, *OPTIONAL_COLUMNS])
        for film in films:
            rating = NO_GENRE if film.rating is None else repr(film.rating)
            votes = NO_GENRE if film.votes is None else film.votes
            slots = genre_slots(film.genres)
            writer.writerow(
                [film.title, film.year, film.director, *slots, film.stars, rating, votes]
            )
            count += 1
    rename_durably(fresh, path)
    return count
