"""Reads complete film tables, and accounts for every bad row."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from data import topics
from data.domain import FILMS, Domain
from data.film_table import BadRow
from data.films import Film
from training import sources
from training.errors import TooManyBadRows
from training.sources.options import ALLOWED_BAD_SHARE, Options


@dataclass(frozen=True)
class FilmTable:
    """The films of a source, and the rows that were rejected.

    Attributes:
        source: its name, as in the manifest.
        origin: what the rejects' line numbers refer to.
        domain: of its rows.
    """

    source: str
    origin: str
    films: list[Film]
    rejects: list[BadRow]
    domain: Domain = FILMS

    @property
    def sha256(self) -> str:
        """The hash of the films in their order; it doesn't depend on the source."""
        return hashlib.sha256(msgspec.json.encode(self.films)).hexdigest()

    @property
    def bad_share(self) -> float:
        """The share of rows that were rejected."""
        return len(self.rejects) / max(1, len(self.films) + len(self.rejects))


def load(
    source: str,
    path: Path | None = None,
    *,
    rejects: Path | None = None,
    allowed_bad_share: float = ALLOWED_BAD_SHARE,
    options: Options | None = None,
) -> FilmTable:
    """Read a whole source.

    Args:
        source: `sample`, or one of training.sources.READERS.
        path: the file, for the sources that read one.
        rejects: where bad rows are written with their line and reason; if there are none, nothing
        is
            written, and an older file is removed.
        allowed_bad_share: the largest accepted share of bad rows.
        options: of the source.

    Raises:
        SourceUnavailable: the source can't be read.
        TooManyBadRows: after the rejects have been written.
    """
    films: list[Film] = []
    bad: list[BadRow] = []
    options = options or Options()
    domain = sources.domain(source, path, options)
    for row in sources.read(source, path, options):
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            films.append(row)
    table = FilmTable(source, sources.origin(source, path), films, bad, domain)
    if rejects is not None:
        write_rejects(rejects, table)
    if table.bad_share > allowed_bad_share:
        first = bad[0]
        raise TooManyBadRows(
            f"{table.origin}: {len(bad)} of {len(films) + len(bad)} rows are bad "
            f"({table.bad_share:.1%}; {allowed_bad_share:.0%} allowed: --allow-bad), "
            f"the first in line {first.line}: {first.reason}"
        )
    if not films:
        raise TooManyBadRows(f"{table.origin}: has no rows under its header")
    return table


def film_ids(films: Sequence[Film]) -> NDArray[np.uint64]:
    """Return a number for each film, derived from its title, year and director."""
    keys = (topics.film_key(film.title, film.year, film.director) for film in films)
    digests = b"".join(hashlib.sha256(key.encode()).digest()[:8] for key in keys)
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def rejects_path(out: Path) -> Path:
    """Return the path for the rejects of a table written to `out`."""
    return out.with_suffix(f".rejects{out.suffix}")


def write_rejects(path: Path, table: FilmTable) -> None:
    """Write the bad rows as `file,line,reason` and their cells."""
    if not table.rejects:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "line", "reason", "cells"])
        for row in table.rejects:
            writer.writerow([table.origin, row.line, row.reason, *row.cells])


def reasons(rejects: Iterable[BadRow]) -> dict[str, int]:
    """Return how many bad rows each column caused."""
    counts: dict[str, int] = {}
    for row in rejects:
        field = row.reason.split(":")[0]
        counts[field] = counts.get(field, 0) + 1
    return counts
