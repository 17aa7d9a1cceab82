"""A pick and its rating that pass every check. Also for scripts: it needs nothing of pytest."""

from __future__ import annotations

from typing import Any

import msgspec

from data.ids import new_id
from data.messages import Feedback
from data.picks import Pick, Prediction
from data.wire import decode


def a_pick(**fields: Any) -> Pick:
    """A sound pick; any field can be given."""
    sound = Pick(
        id=new_id(),
        title="A Day in the Snow",
        director="Agnès Varda",
        year=1985,
        genres=("Comedy", "Drama"),
        prediction=Prediction(7.25, (0.0,) * 6 + (0.75, 0.25, 0.0, 0.0), 29696),
        model_version=1,
        model_hash="ab" * 32,
        made_at="1970-01-01T00:00:09Z",
        boot_id=new_id(),
    )
    return msgspec.structs.replace(sound, **fields)


def captured(payload: bytes) -> Feedback:
    """The rating in a row, without the place that the journal gave it."""
    return msgspec.structs.replace(decode(payload, Feedback), sequence=msgspec.UNSET)


def feedback_on(pick: Pick, **fields: Any) -> Feedback:
    """The owner's rating of a pick; any field can be given."""
    sound = Feedback.on(
        pick,
        8,
        thing="MovieSelector",
        source="owner",
        rated_at="1970-01-01T00:00:12Z",
        boot_id=pick.boot_id,
    )
    return msgspec.structs.replace(sound, **fields)
