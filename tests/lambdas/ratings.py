"""A small made-up world: films that everybody knows, and ratings of films that the table lacks."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np

from data import topics
from data.films import Film
from data.held_out import is_held_out
from data.messages import Feedback
from lambdas.store_feedback.ingest import canonical
from training.export.example_bundle import made_up_films

# Holds out the same ratings in every run, unlike a stack's own.
KEY = b"key"
_DIRECTORS = 100
_KNOWN = 40


def known_films() -> list[Film]:
    """Return the films of the table: those that example_bundle learns from by default."""
    return made_up_films(_KNOWN)


def ratings(count: int, directors: int = _DIRECTORS) -> list[Feedback]:
    """Return ratings of films by directors whom the table does not know; one a film."""
    known = {film.director for film in known_films()}
    others = [film for film in made_up_films(directors) if film.director not in known]
    draw = np.random.default_rng(1)
    return [_feedback(draw, film) for film in draw.permutation(np.array(others, object))[:count]]


def _feedback(draw: np.random.Generator, film: Film) -> Feedback:
    identity = str(uuid.UUID(bytes=draw.bytes(16), version=4))
    return Feedback(
        id=identity,
        thing="Pi-1",
        pick_id=identity,
        title=film.title,
        director=film.director,
        year=film.year,
        genres=film.genres,
        expected=6.0,
        stars=film.stars,
        source="owner",
        model_version=1,
        model_hash="ab" * 32,
        rated_at="2026-01-02T03:04:05Z",
        boot_id="boot",
    )


def held_out(record: Feedback) -> bool:
    """Return whether a rating never trains, by these tests' own key."""
    return is_held_out(KEY, record.director, record.year, record.genres, record.pick_id)


def store(s3: Any, bucket: str, records: Sequence[Feedback]) -> None:
    """Put ratings where store_feedback puts them."""
    for record in records:
        key = topics.feedback_object(record.id, held_out=held_out(record))
        s3.put_object(Bucket=bucket, Key=key, Body=canonical(record))
