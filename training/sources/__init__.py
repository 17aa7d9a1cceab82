"""Where films come from. Every source yields films, or rows that are none with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data.film_table import BadRow, TableUnreadable, read_rows
from data.films import Film
from training.errors import SourceUnavailable
from training.sources import sample
from training.sources.options import Options

SAMPLE, IMDB, RATINGS_LIST = "sample", "imdb", "ratings-list"
NAMES = (SAMPLE, "csv", "tsv", IMDB, RATINGS_LIST)
_DEFAULTS = Options()


def read(name: str, path: Path | None, options: Options = _DEFAULTS) -> Iterator[Film | BadRow]:
    """Yield the rows of source `name`.

    Args:
        name: one of NAMES.
        path: the file of the sources `csv`, `tsv` and `ratings-list`, the folder of `imdb`; the
            sample brings its own.
        options: for `imdb` and `ratings-list`.

    Raises:
        SourceUnavailable: saying what the source needs.
    """
    if name not in NAMES:
        raise SourceUnavailable(f"source: is {name!r}; choose one of {', '.join(NAMES)}")
    if name == SAMPLE:
        if path is not None:
            raise SourceUnavailable(f"source sample brings its own films; leave {path} out")
        yield from sample.read_rows()
        return
    if path is None:
        what = "folder" if name == IMDB else "file"
        raise SourceUnavailable(f"source {name} reads a {what}; name it with --ratings")
    if name == IMDB:
        from training.sources import imdb  # DuckDB is needed by this source alone

        yield from imdb.read_rows(path, options)
        return
    if name == RATINGS_LIST:
        from training.sources import ratings_list

        yield from ratings_list.read_rows(path, options)
        return
    if path.suffix.lower() != f".{name}":
        raise SourceUnavailable(f"{path}: source {name} reads a .{name} file")
    try:
        yield from read_rows(path)
    except TableUnreadable as error:
        raise SourceUnavailable(str(error)) from error


def origin(name: str, path: Path | None) -> str:
    """Return what to call the place that rows' line numbers refer to."""
    return sample.TABLE if path is None else str(path)
