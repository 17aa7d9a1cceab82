"""Ratings as immutable Parquet files, written by DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from data.corrections import Link
from data.durable import rename_durably
from data.films import genre_slots, kind_of
from data.messages import Feedback
from judging.holdout import held_out
from training.database import connect

_COLUMNS = {
    "id": "VARCHAR",
    "sha256": "VARCHAR",
    "title": "VARCHAR",
    "year": "INTEGER",
    "director": "VARCHAR",
    "genre1": "VARCHAR",
    "genre2": "VARCHAR",
    "genre3": "VARCHAR",
    "kind": "VARCHAR",
    "stars": "INTEGER",
    "rating": "DOUBLE",
    "origin": "VARCHAR",
    "held_out": "BOOLEAN",
    "thing": "VARCHAR",
    "pick_id": "VARCHAR",
    "expected": "DOUBLE",
    "model_version": "INTEGER",
    "model_hash": "VARCHAR",
    "rated_at": "VARCHAR",
    "replaces": "VARCHAR",
    "journal": "VARCHAR",
    "number": "BIGINT",
}


class HashedRating(NamedTuple):
    """A rating and the SHA-256 of its record, in hexadecimal digits."""

    record: Feedback
    sha256: str


def shard_path(folder: Path, number: int) -> Path:
    """Return the path of a shard."""
    return folder / f"ratings-{number:06d}.parquet"


def write_shard(path: Path, ratings: Sequence[HashedRating], scratch: Path) -> None:
    """Write a shard durably, replacing one of the same number that was never recorded."""
    frame = pd.DataFrame([_row(rating) for rating in ratings], columns=list(_COLUMNS))
    fresh = path.with_name(f".{path.name}.new")
    columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in _COLUMNS.items())
    with connect(scratch, ordered=True) as database:
        database.register("fresh", frame)
        database.execute(
            f"COPY (SELECT {columns} FROM fresh) TO '{quoted(fresh)}' "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
    rename_durably(fresh, path)


def _row(rating: HashedRating) -> tuple[object, ...]:
    record = rating.record
    link = Link.of(record)
    return (
        record.id,
        rating.sha256,
        record.title,
        record.year,
        record.director,
        *genre_slots(record.genres),
        kind_of(record.title),
        record.stars,
        record.rating,
        record.source,
        held_out(record.director, record.year, record.genres, record.pick_id),
        record.thing,
        record.pick_id,
        record.expected,
        record.model_version,
        record.model_hash,
        record.rated_at,
        link.replaces,
        link.journal,
        link.number,
    )


def quoted(path: Path) -> str:
    """Return a path, escaped for SQL's quotes."""
    return str(path).replace("'", "''")
