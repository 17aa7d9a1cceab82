"""Records on the wire: they survive a round trip, and wrong values are refused by name."""

import json
import math
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import limits, wire
from data.errors import InvalidRecord
from data.messages import (
    Ack,
    Feedback,
    FeedbackBatch,
    ModelUpdateJob,
    VerificationReply,
)
from data.picks import Prediction

from .test_messages import feedback

EXPECTED = st.floats(-5, 15, width=32)


@given(EXPECTED)
def test_every_bit_of_an_expected_value_survives_the_wire(expected):
    sent = Prediction(expected, (0.1,) * 10, 5)
    assert wire.decode(wire.encode(sent), Prediction).expected.hex() == expected.hex()


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: json.dumps(text).encode()))
def test_anything_else_is_refused_and_nothing_else_is_raised(payload):
    for kind in (FeedbackBatch, Ack, VerificationReply, ModelUpdateJob):
        with pytest.raises(InvalidRecord):
            wire.decode(payload, kind)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_nan_and_infinity_are_refused(number):
    payload = json.dumps({"records": [feedback(expected="HERE")]}).replace('"HERE"', number)
    with pytest.raises(InvalidRecord):
        wire.decode(payload.encode(), FeedbackBatch).feedback()
    with pytest.raises(InvalidRecord) as refused:
        wire.encode(Prediction(math.nan, (0.1,) * 10))
    assert refused.value.field == "expected"


def test_oversize_payloads_are_refused_in_both_directions():
    records = tuple(
        msgspec.convert(
            feedback(id=str(uuid.UUID(int=n)), title="x" * 400, director="y" * 400), Feedback
        )
        for n in range(1, 151)
    )
    with pytest.raises(InvalidRecord, match="at most 100000"):
        wire.encode(FeedbackBatch.of(*records))
    with pytest.raises(InvalidRecord, match="at most 100000"):
        wire.decode(b" " * (limits.MAX_PAYLOAD_BYTES + 1), FeedbackBatch)


def test_a_deeply_nested_payload_is_refused():
    with pytest.raises(InvalidRecord):
        wire.decode(b"[" * 50_000, FeedbackBatch)
    with pytest.raises(InvalidRecord):
        wire.decode(b'{"records":' + b"[" * 50_000, FeedbackBatch)
