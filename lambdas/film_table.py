"""The film table that models learn from, in the data bucket: one file, its versions kept by S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data import topics
from data.errors import GreenlightError
from data.film_table import is_film, read_rows

_NAME = "movie_ratings_simple"


class NoFilms(GreenlightError):
    """This file is no film table to learn from."""


def put_film_table(s3: Any, bucket: str, path: Path) -> str:
    """Put a film table in place of the one that is there; return where it lies.

    Raises:
        NoFilms: it holds no film.
        TableUnreadable: as read_rows does; nothing has been changed.
    """
    if not any(is_film(row) for row in read_rows(path)):
        raise NoFilms(f"{path}: holds no film")
    kept = [topics.FILM_TABLE_PREFIX + _NAME + suffix for suffix in (".csv", ".tsv")]
    key = kept[path.suffix.lower() == ".tsv"]
    s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), ChecksumAlgorithm="SHA256")
    # One form only: a retraining must not have to choose.
    for other in kept:
        if other != key:
            s3.delete_object(Bucket=bucket, Key=other)
    return f"s3://{bucket}/{key}"
