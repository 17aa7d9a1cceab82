"""What the appliance's tests share: a journal, and records that pass every check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data.wire import Feedback, Pick, Prediction, new_id
from edge.journal import JOURNAL, Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / JOURNAL) as opened:
        yield opened


@pytest.fixture
def make_pick() -> Callable[..., Pick]:
    """A maker of picks that pass every check; any field can be given."""

    def make(**fields: Any) -> Pick:
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

    return make


@pytest.fixture
def make_feedback() -> Callable[..., Feedback]:
    """A maker of the feedback on a pick; any field can be given."""

    def make(pick: Pick, **fields: Any) -> Feedback:
        sound = Feedback(
            id=new_id(),
            thing="MovieSelector",
            pick_id=pick.id,
            title=pick.title,
            director=pick.director,
            year=pick.year,
            genres=pick.genres,
            expected=pick.prediction.expected,
            stars=8,
            source="owner",
            model_version=pick.model_version,
            model_hash=pick.model_hash,
            rated_at="1970-01-01T00:00:12Z",
            boot_id=pick.boot_id,
        )
        return msgspec.structs.replace(sound, **fields)

    return make
