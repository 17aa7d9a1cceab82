"""A prediction's probabilities are ten and add up to one; a pick's texts are bounded."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import limits, wire
from data.errors import InvalidRecord
from data.picks import Pick, Prediction

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "pick.v1.json"


@given(st.lists(st.floats(0, 1), min_size=0, max_size=12))
def test_probabilities_are_ten_and_add_up_to_one(values):
    fair = len(values) == 10 and abs(math.fsum(values) - 1) <= 1e-3
    try:
        Prediction(5.0, tuple(values)).check()
    except InvalidRecord:
        assert not fair
    else:
        assert fair


@pytest.mark.parametrize(
    ("field", "most"), [("made_at", limits.MAX_TIME_TEXT), ("boot_id", limits.MAX_BOOT_ID)]
)
def test_the_devices_clock_and_boot_are_bounded_and_printable(field, most):
    pick = json.loads(GOLDEN.read_bytes())
    for value in ("", "1" * most):
        assert (
            getattr(wire.decode(json.dumps(pick | {field: value}).encode(), Pick), field) == value
        )
    for value in ("1" * (most + 1), "12:00\n", "\x1b[2J"):
        with pytest.raises(InvalidRecord) as refused:
            wire.decode(json.dumps(pick | {field: value}).encode(), Pick)
        assert refused.value.field == field
