"""An earlier season's ratings, made up, so that the demonstration's retraining has enough to learn.

The table's directors make one more film each, and an audience whose taste differs from the table's
rates it: two genres are worth more or less to it than the table says. A model that learns from
these ratings predicts this audience better, and so it is released.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from data.films import MAX_STARS, MIN_STARS, Film, stars_of
from data.messages import Feedback

# Enough for the judge, which sees a tenth of them.
RATINGS = 1_000
# Against more, the new model would forget the table's own audience, which the judge refuses.
_MOST_OF_TABLE = 0.1
_TASTE = 1.8
_NOISE = 0.5
# Before any pick that is made now.
_RATED_AT = "2026-01-02T03:04:05Z"


class Season(msgspec.Struct, frozen=True):
    """What an audience thought of films.

    Attributes:
        loved: the genre it gives more stars than the table says.
        disliked: the genre it gives fewer.
        ratings: one a film.
    """

    loved: str
    disliked: str
    ratings: tuple[Feedback, ...]


def make_season(
    films: Sequence[Film], thing: str, model_version: int, model_hash: str, count: int = RATINGS
) -> Season:
    """Return an earlier season's ratings, the same for the same films.

    Args:
        films: the table that the model was made from.
        thing: the device that they are said to come from.
        model_version: of the model that picked them.
        model_hash: of the same model.
        count: how many, if the table is large enough.
    """
    count = min(count, int(_MOST_OF_TABLE * len(films)))
    newest = sorted(films, key=lambda film: (-film.year, film.director, film.title))[: count * 3]
    disliked, loved = (name for name, _ in _most(newest))
    draw = np.random.default_rng(1)
    chosen = draw.permutation(np.array(newest, dtype=object))[:count]
    ratings = []
    for film in chosen:
        taste = _TASTE * ((loved in film.genres) - (disliked in film.genres))
        table = film.stars if film.rating is None else film.rating
        rating = float(np.clip(table + taste + _NOISE * draw.normal(), MIN_STARS, MAX_STARS))
        identity = str(uuid.UUID(bytes=draw.bytes(16), version=4))
        ratings.append(
            Feedback(
                id=identity,
                thing=thing,
                pick_id=identity,
                title=f"After {film.title}",
                director=film.director,
                year=film.year + 1,
                genres=film.genres,
                expected=float(table),
                stars=stars_of(round(rating, 1)),
                rating=round(rating, 1),
                source="owner",
                model_version=model_version,
                model_hash=model_hash,
                rated_at=_RATED_AT,
                boot_id="season",
            )
        )
    return Season(loved, disliked, tuple(ratings))


def _most(films: Iterable[Film]) -> list[tuple[str, int]]:
    return Counter(genre for film in films for genre in film.genres).most_common(2)
