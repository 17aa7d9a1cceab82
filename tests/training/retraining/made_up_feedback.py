"""Feedback as devices send it and `store_feedback` stores it: one object per rating."""

import random
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.films import Film, stars_of
from data.messages import Feedback
from lambdas.store_feedback.ingest import canonical


def rating_id(draw: random.Random) -> str:
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


def made_up_feedback(
    films: Sequence[Film],
    count: int,
    *,
    seed: int = 0,
    source: str = "owner",
    taste=lambda film, draw: film.rating + draw.gauss(0, 0.3),
) -> Iterator[Feedback]:
    """Yield ratings of made-up films by the directors of `films`; `taste` rates them."""
    draw = random.Random(seed)
    for number in range(count):
        film = draw.choice(films)
        rating = round(min(10.0, max(1.0, taste(film, draw))), 1)
        yield Feedback(
            id=rating_id(draw),
            thing="MovieSelector",
            pick_id=rating_id(draw),
            title=f"Made {number}",
            director=film.director,
            year=film.year,
            genres=film.genres,
            expected=6.0,
            stars=stars_of(rating),
            source=source,
            model_version=1,
            model_hash="a" * 64,
            rated_at="2026-01-01T00:00:00+00:00",
            boot_id="b",
            rating=rating,
        )


def write_objects(folder: Path, records) -> list[Feedback]:
    """Write records as objects, as they are in the data bucket."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for record in records:
        (folder / f"{record.id}.json").write_bytes(canonical(record))
        kept.append(record)
    return kept
