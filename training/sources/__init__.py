"""The sources of films. Every source yields films, and bad rows with the reason.

`read` yields the rows of a source, by its name in READERS; `domain` returns their domain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from data.domain import FILMS, Domain
from data.film_table import BadRow
from data.films import Film
from training.errors import SourceUnavailable
from training.sources import own_table, sample
from training.sources.options import Options

Rows = Iterator[Film | BadRow]

_DEFAULTS = Options()


class Reader(NamedTuple):
    """How a source is read.

    Attributes:
        takes: `file` or `folder`.
        rows: yields the rows of that path, given the options.
    """

    takes: str
    rows: Callable[[Path, Options], Rows]


def _imdb(folder: Path, options: Options) -> Rows:
    from training.sources import imdb  # only this source needs DuckDB

    return imdb.read_rows(folder, options)


def _ratings_list(path: Path, options: Options) -> Rows:
    from training.sources import ratings_list

    return ratings_list.read_rows(path, options)


def _own(path: Path, options: Options) -> Rows:
    yield from own_table.open_own(path, options).rows


def _wikidata(path: Path, options: Options) -> Rows:
    from training.sources import wikidata  # the others need none of it

    del options
    return wikidata.read_rows(path)


SAMPLE, CSV, WIKIDATA = "sample", "csv", "wikidata"
# To support another source, add a line.
READERS = {
    CSV: Reader("file", _own),
    "tsv": Reader("file", _own),
    "imdb": Reader("folder", _imdb),
    "ratings-list": Reader("file", _ratings_list),
    WIKIDATA: Reader("file", _wikidata),
}


def names() -> str:
    """Return the names of all sources, for messages."""
    return ", ".join((SAMPLE, *READERS))


def read(name: str, path: Path | None, options: Options = _DEFAULTS) -> Rows:
    """Yield the rows of source `name`.

    Args:
        name: `sample`, or one of READERS.
        path: the file or folder that the source reads; the sample brings its own.
        options: for `imdb` and `ratings-list`.

    Raises:
        SourceUnavailable: saying what the source needs.
    """
    if name == SAMPLE:
        if path is not None:
            raise SourceUnavailable(f"source sample brings its own films; leave {path} out")
        yield from sample.read_rows()
        return
    reader = READERS.get(name)
    if reader is None:
        raise SourceUnavailable(f"there's no source {name!r}; choose one of {names()}")
    if path is None and name == WIKIDATA:
        from training.sources import wikidata

        path = wikidata.FOLDER
    if path is None:
        raise SourceUnavailable(f"source {name} reads a {reader.takes}; name it with --ratings")
    yield from reader.rows(path, options)


def domain(name: str, path: Path | None, options: Options = _DEFAULTS) -> Domain:
    """Return the domain of a source's rows: films, unless your own table defines another.

    Raises:
        SourceUnavailable: as `read` does.
    """
    if path is not None and name in (CSV, "tsv"):
        return own_table.open_own(path, options).domain
    if name == WIKIDATA:
        from training.sources import wikidata

        return wikidata.DOMAIN
    return FILMS


def origin(name: str, path: Path | None) -> str:
    """Return the file or folder that line numbers refer to, for messages."""
    if path is None:
        return sample.TABLE if name == SAMPLE else name
    return str(path)
