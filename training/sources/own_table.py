"""Your own table: any common file, read as a film table, by a known layout or by `domain.toml`.

The domain is beside the table: `coffees.domain.toml` for `coffees.csv`, as inspect writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data.domain import FILMS, Domain, from_toml
from data.errors import InvalidRecord
from data.film_table import BadRow, film_of
from data.films import Film
from training.errors import SourceUnavailable
from training.sources.cells import has_decimal_comma, is_empty, whole_of
from training.sources.joined import open_joined
from training.sources.layouts import FILM_TABLE, film_columns, recognise
from training.sources.mapped import MappedTable
from training.sources.options import Options
from training.sources.table_file import TableFile

_NUMBERS = ("stars", "rating", "votes")


class OwnTable(NamedTuple):
    """A table that can be read.

    Attributes:
        layout: how its columns were found, for messages.
        domain_file: its domain's file; None if it needs none.
    """

    file: TableFile
    layout: str
    domain: Domain
    domain_file: Path | None
    rows: Iterator[Film | BadRow]


def domain_path(path: Path) -> Path:
    """Return the path of a table's domain, beside it."""
    return path.with_name(f"{path.stem}.domain.toml")


def read_domain(path: Path) -> Domain:
    """Return the domain in a file.

    Raises:
        SourceUnavailable: naming the file and the entry.
    """
    try:
        return from_toml(path.read_bytes())
    except OSError as error:
        raise SourceUnavailable(f"{path}: {error.strerror}") from error
    except InvalidRecord as error:
        raise SourceUnavailable(f"{path}: {error}") from error


def find_domain(path: Path, options: Options) -> Path | None:
    """Return the file with a table's domain, if there is one."""
    if options.domain is not None:
        return options.domain
    beside = domain_path(path)
    return beside if beside.is_file() else None


def open_own(path: Path, options: Options) -> OwnTable:
    """Open a table.

    Raises:
        SourceUnavailable: naming file, line, column and fix.
    """
    table = open_joined(path, options.encoding)
    if found := find_domain(path, options):
        domain = read_domain(found)
        mapped = MappedTable(table, domain)
        return OwnTable(table, f"as {found} maps it", domain, found, mapped.rows())
    if columns := film_columns(table):
        return OwnTable(table, FILM_TABLE, FILMS, None, _film_rows(table, columns))
    known = recognise(table)
    if known is None:
        lacks = _lacking(table)
        raise SourceUnavailable(
            f"{path}: line {table.header_line} {lacks}and there is no {domain_path(path).name}; "
            f"run `greenlight-train inspect {path}`, which proposes one"
        )
    if known.domain is None:
        raise SourceUnavailable(f"{path}: is {known.name}: {known.advice}")
    mapped = MappedTable(table, known.domain)
    return OwnTable(table, known.name, known.domain, None, mapped.rows())


def _lacking(table: TableFile) -> str:
    missing = [name for name in ("title", "year", "Director1", "stars") if not table.has(name)]
    return f"lacks the column {missing[0]!r} of a film table, " if missing else ""


def _film_rows(table: TableFile, columns: dict[str, int]) -> Iterator[Film | BadRow]:
    comma = _decimal_commas(table, columns)
    width = len(table.header)
    for line, cells in table.rows():
        if len(cells) != width:
            reason = f"it has {len(cells)} cells; the header has {width}"
            yield BadRow(line, reason, tuple(cells))
            continue
        named = {column: cells[place] for column, place in columns.items()}
        for column in comma:
            named[column] = named[column].replace(".", "").replace(",", ".")
        if (year := whole_of(named["year"])) is not None:
            named["year"] = str(year)
        for column in ("rating", "votes"):
            if column in named and is_empty(named[column]):
                named[column] = ""
        for column in ("Genre1", "Genre2", "Genre3"):
            if is_empty(named[column]):
                named[column] = "None"
        if is_empty(named["Director1"]):
            reason = f"`Director1` is {named['Director1']!r}; give a name"
            yield BadRow(line, reason, tuple(cells))
            continue
        try:
            yield film_of(named)
        except InvalidRecord as error:
            yield BadRow(line, str(error), tuple(cells))


def _decimal_commas(table: TableFile, columns: dict[str, int]) -> list[str]:
    """Return the columns of numbers with decimal commas."""
    seen: dict[str, set[str]] = {name: set() for name in _NUMBERS if name in columns}
    for _, cells in table.rows():
        if len(cells) == len(table.header):
            for name, values in seen.items():
                values.add(cells[columns[name]])
    return [name for name, values in seen.items() if has_decimal_comma(values)]
