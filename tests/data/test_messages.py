"""Messages survive the wire, and a wrong value is refused by the name of its field."""

import json
import math
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import wire
from data.errors import InvalidRecord
from data.films import Combination, normalise
from data.messages import (
    Feedback,
    FeedbackBatch,
    VerificationRequest,
)

HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)


IDS = st.uuids().map(str)


NAMES = (
    st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)
    .map(normalise)
    .filter(lambda name: name and name != "None")
)


GENRES = st.sets(NAMES, min_size=1, max_size=3).map(lambda names: tuple(sorted(names)))


YEARS = st.integers(1870, 2200)


EXPECTED = st.floats(-5, 15, width=32)


COMBINATIONS = st.builds(Combination, NAMES, YEARS, GENRES)


FEEDBACK = st.builds(
    Feedback,
    id=IDS,
    thing=st.just("MovieSelector"),
    pick_id=IDS,
    title=NAMES,
    director=NAMES,
    year=YEARS,
    genres=GENRES,
    expected=EXPECTED,
    stars=st.integers(1, 10),
    source=st.sampled_from(["owner", "simulated"]),
    model_version=st.integers(1, 10**6),
    model_hash=HASHES,
    rated_at=st.just("1970-01-01T00:00:07Z"),
    boot_id=st.just("b"),
    rating=st.none() | st.floats(1, 10),
)


RECORDS = st.lists(FEEDBACK, min_size=1, max_size=5, unique_by=lambda record: record.id)


@given(RECORDS)
def test_a_feedback_batch_survives_the_wire(records):
    payload = wire.encode(FeedbackBatch.of(*records))
    assert wire.decode(payload, FeedbackBatch).feedback() == tuple(records)


@given(RECORDS)
def test_one_record_that_is_not_json_spoils_no_other(records):
    spoilt = json.dumps(feedback(expected=math.nan))
    payload = wire.encode(FeedbackBatch.of(*records)).replace(b"[", f"[{spoilt},".encode(), 1)
    with pytest.raises(InvalidRecord):
        wire.decode(payload, FeedbackBatch)
    first, *others = FeedbackBatch.read(payload).records
    with pytest.raises(InvalidRecord):
        wire.decode(bytes(first), Feedback)
    assert [wire.decode(bytes(raw), Feedback) for raw in others] == records


@given(
    st.builds(
        VerificationRequest,
        IDS,
        HASHES,
        st.lists(COMBINATIONS, min_size=1, max_size=5).map(tuple),
    )
)
def test_a_verification_request_survives_the_wire(request):
    assert wire.decode(wire.encode(request), VerificationRequest) == request


def feedback(**changes):
    base = {
        "id": str(uuid.UUID(int=1)),
        "thing": "MovieSelector",
        "pick_id": str(uuid.UUID(int=2)),
        "title": "The Blue Harbour",
        "director": "Agnès Varda",
        "year": 2027,
        "genres": ["Comedy", "Drama"],
        "expected": 7.2,
        "stars": 8,
        "source": "owner",
        "model_version": 3,
        "model_hash": "a" * 64,
        "rated_at": "2027-01-01T00:00:00Z",
        "boot_id": "b",
        "rating": None,
    }
    return base | changes


WRONG = {
    "stars": [0, 11, -1, 7.5, "8", None, True, 10**30],
    "rating": [0.9, 10.1, "x", -1e308],
    "year": [1800, 3000, "2027", 2027.5],
    "genres": [
        [],
        ["A", "B", "C", "D"],
        ["B", "A"],
        ["A", "A"],
        ["None"],
        [""],
        "Drama",
        ["e\u0301"],
        [7],
    ],
    "director": ["", " x", "a\x00b", 5, "x" * 401, "\ud800"],
    "title": ["", None],
    "source": ["guessed"],
    "id": [
        "",
        "1",
        "01932F5E-7C00-7000-8000-0000000000A1",
        "{00000000-0000-0000-0000-000000000001}",
    ],
    "thing": ["a/b", "", "+", "#", "x" * 129],
    "model_hash": ["", "A" * 64, "a" * 63],
    "model_version": [-1],
    "rated_at": ["x" * 65, "2027-01-01\n", "\x1b[2J", "\u202e", None, 7],
    "boot_id": ["x" * 65, "b\x00", "\x7f", None, 7],
    "schema_version": [0, 3, "1"],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG.items() for value in values]
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(field, value):
    payload = json.dumps({"records": [feedback(**{field: value})]}).encode()
    with pytest.raises(InvalidRecord) as refused:
        wire.decode(payload, FeedbackBatch).feedback()
    assert field in str(refused.value) or (field, value) == ("director", "\ud800")


def test_a_repeated_id_is_refused():
    payload = json.dumps({"records": [feedback(), feedback()]}).encode()
    with pytest.raises(InvalidRecord, match="repeats the id"):
        wire.decode(payload, FeedbackBatch).feedback()


def version_2(**changes):
    return feedback(schema_version=2) | changes


SLATE = {"directors": ["Ann Bee"], "years": [2027], "sets": [["Comedy"], ["Comedy", "Drama"]]}
PLACE = {"journal": str(uuid.UUID(int=9)), "number": 1}
SINCE_2 = {
    "policy": "greedy",
    "propensity": 0.5,
    "explored": False,
    "slate": SLATE,
    "domain": "lunches",
    "outcome": -3.5,
    "replaces": str(uuid.UUID(int=3)),
    "sequence": PLACE,
    "stack": "greenlight",
}
WRONG_SINCE_2 = {
    "policy": ["", "Greedy", "-", "x" * 64, 1],
    "propensity": [0, -0.1, 1.1, "1"],
    "explored": ["yes", 1],
    "slate": [
        SLATE | {"directors": []},
        SLATE | {"directors": ["A", "A"]},
        SLATE | {"directors": ["x" * 401]},
        SLATE | {"years": list(range(1900, 1937))},
        SLATE | {"years": [1800]},
        SLATE | {"sets": [["B", "A"]]},
        SLATE | {"sets": [[]]},
        {"directors": ["A"]},
    ],
    "domain": ["", "Lunches", "a b"],
    "outcome": ["1", 1e999],
    "replaces": ["", "x", str(uuid.UUID(int=1)), None],
    "sequence": [
        {"journal": "x", "number": 1},
        PLACE | {"number": 0},
        PLACE | {"number": 2**53},
        {"number": 1},
    ],
    "stack": ["", "a/b", "x" * 41, "Stack"],
}


def read(record):
    return wire.decode(json.dumps(record).replace("Infinity", "1e999").encode(), Feedback)


@pytest.mark.parametrize("field", SINCE_2)
def test_what_version_2_brought_is_refused_in_version_1(field):
    assert read(version_2(**{field: SINCE_2[field]}))
    with pytest.raises(InvalidRecord, match="version 2") as refused:
        read(feedback(**{field: SINCE_2[field]}))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in WRONG_SINCE_2.items() for value in values],
)
def test_a_wrong_value_of_version_2_is_refused_by_the_name_of_its_field(field, value):
    with pytest.raises(InvalidRecord) as refused:
        read(version_2(**{field: value}))
    assert field in str(refused.value) or value == 1e999


def test_a_withdrawal_names_a_rating_and_gives_none():
    withdrawal = version_2(stars=None, replaces=SINCE_2["replaces"])
    assert read(withdrawal).withdraws
    wrong = {
        "stars": version_2(stars=None),
        "rating": withdrawal | {"rating": 7.5},
        "outcome": withdrawal | {"outcome": 3},
    }
    for field, record in wrong.items():
        with pytest.raises(InvalidRecord) as refused:
            read(record)
        assert refused.value.field == field
