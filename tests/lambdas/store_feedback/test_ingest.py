"""Feedback is stored effectively once, whatever fails and in whatever order it comes again."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from data import topics, wire
from data.errors import InvalidRecord
from data.messages import Feedback, FeedbackBatch, JournalPlace
from data.picks import SlateGrid
from lambdas.store_feedback.ingest import (
    Item,
    StoredItem,
    Unstorable,
    canonical,
    item_of,
    receive,
)

from ..fake_cloud import FAULTS, THING, Cloud, Fault, record

JOURNAL = "0192e3a0-0000-7000-8000-0000000000ff"
# As the function computed it before there was a version 2.
HASH_OF_VERSION_1 = "dd44a8c9b8377304f4911bb49afc9ef542f63595bb85660ceab50e6db238bd14"


def last_outcomes(cloud: Cloud) -> dict[str, str]:
    return {outcome.id: outcome.outcome for outcome in cloud.acks[-1].outcomes}


def assert_stored_once(cloud: Cloud, *records: Feedback) -> None:
    """One item, one object, written once each, and the same record in both."""
    assert len(cloud.writes) == len(set(cloud.writes)) == 2 * len(records)
    for one in records:
        item = cloud.items[topics.feedback_key(one.id)]
        kept = cloud.objects[topics.feedback_object(one.id)]
        assert hashlib.sha256(kept).hexdigest() == item["sha256"]
        assert msgspec.json.decode(kept, type=Feedback) == one


def test_a_batch_is_stored_in_both_places_before_it_is_acked() -> None:
    cloud = Cloud()
    one, two = record(), record(rating=7.8)
    cloud.receive(one, two)
    assert_stored_once(cloud, one, two)
    assert last_outcomes(cloud) == {one.id: "stored", two.id: "stored"}
    assert cloud.calls == 5, "item, object, item, object, ack"


def crashes() -> Iterator[tuple[int, bool, type[Fault]]]:
    """Every call of a batch of two (item, object, item, object, ack), each way of failing."""
    return itertools.product(range(5), (False, True), FAULTS)


@pytest.mark.parametrize(("call", "after", "fault"), list(crashes()))
def test_a_crash_at_any_call_is_repaired_by_the_resend(
    call: int, after: bool, fault: type[Fault]
) -> None:
    cloud = Cloud(breaks_at=call, after=after, fault=fault)
    one, two = record(), record()
    with pytest.raises(fault):
        cloud.receive(one, two)
    acked_early = len(cloud.acks)
    assert acked_early == (1 if call == 4 and after else 0), "only what is stored is acked"
    cloud.receive(one, two)
    assert_stored_once(cloud, one, two)
    assert len(cloud.acks) == acked_early + 1
    assert set(last_outcomes(cloud).values()) <= {"stored", "duplicate"}


@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize("second", range(5))
def test_a_crash_during_the_repair_is_repaired_too(first: int, second: int) -> None:
    cloud = Cloud()
    one, two = record(), record()
    for call, after in ((first, True), (second, False)):
        cloud.calls, cloud.breaks_at, cloud.after = 0, call, after
        with pytest.raises(Fault):
            cloud.receive(one, two)
    cloud.breaks_at = -1
    cloud.receive(one, two)
    assert_stored_once(cloud, one, two)


@pytest.mark.parametrize("order", sorted(set(itertools.permutations("AABB"))))
@pytest.mark.parametrize("call", range(5))
def test_overlapping_batches_in_every_order_with_a_crash_in_the_first(
    order: tuple[str, ...], call: int
) -> None:
    one, two, three = record(), record(), record()
    batches = {"A": (one, two), "B": (two, three)}
    cloud = Cloud(breaks_at=call, after=True)
    for name in order:
        try:
            cloud.receive(*batches[name])
        except Fault:
            pass
    # The one that crashed may have been the only one of its kind: the device sends again.
    cloud.receive(*batches["A"])
    cloud.receive(*batches["B"])
    assert_stored_once(cloud, one, two, three)
    assert set(last_outcomes(cloud).values()) == {"duplicate"}


def test_a_lost_object_is_put_again_by_a_duplicate() -> None:
    cloud = Cloud()
    one = record()
    cloud.receive(one)
    cloud.objects.clear()
    cloud.writes.clear()
    cloud.receive(one)
    assert list(cloud.objects) == [topics.feedback_object(one.id)]
    assert last_outcomes(cloud) == {one.id: "duplicate"}


def test_a_held_out_rating_goes_under_the_prefix_that_no_training_job_reads() -> None:
    hidden, shown = record(director="Ang Lee"), record()
    cloud = Cloud(choose=lambda one: one.director == "Ang Lee")
    cloud.receive(hidden, shown)
    assert set(cloud.objects) == {
        f"held-out/{hidden.id}.json",
        f"feedback/{shown.id}.json",
    }
    choices = {item["id"]: item["held_out"] for item in cloud.items.values()}
    assert choices == {hidden.id: True, shown.id: False}


@pytest.mark.parametrize("was", [True, False, None], ids=["held out", "trains", "no choice"])
@pytest.mark.parametrize("now", [True, False])
def test_a_resend_goes_where_the_item_says_whatever_would_be_chosen_now(
    was: bool | None, now: bool
) -> None:
    one = record()
    cloud = Cloud(choose=lambda _: bool(was), breaks_at=1)
    with pytest.raises(Fault):
        cloud.receive(one)
    if was is None:
        del cloud.items[topics.feedback_key(one.id)]["held_out"]
    cloud.choose, cloud.breaks_at = lambda _: now, -1
    cloud.receive(one)
    assert list(cloud.objects) == [topics.feedback_object(one.id, held_out=bool(was))]
    assert last_outcomes(cloud) == {one.id: "duplicate"}


def test_another_record_under_the_same_id_is_rejected_and_changes_nothing() -> None:
    cloud = Cloud()
    one = record()
    cloud.receive(one)
    cloud.receive(msgspec.structs.replace(one, stars=1))
    assert last_outcomes(cloud) == {one.id: "rejected"}
    assert_stored_once(cloud, one)


def test_a_poison_record_is_rejected_and_the_others_are_stored() -> None:
    cloud = Cloud()
    good, bad = record(), record()
    batch = json.loads(wire.encode(FeedbackBatch.of(bad, good)))
    batch["records"][0]["stars"] = 11
    receive(THING, json.dumps(batch).encode(), cloud, cloud.bucket, cloud.publish, cloud.choose)
    assert last_outcomes(cloud) == {bad.id: "rejected", good.id: "stored"}
    assert "stars" in (cloud.acks[-1].outcomes[0].reason or "")
    assert_stored_once(cloud, good)


def test_a_record_of_another_thing_is_rejected() -> None:
    cloud = Cloud()
    foreign = record(thing="Pi-2")
    cloud.receive(foreign)
    assert last_outcomes(cloud) == {foreign.id: "rejected"}
    assert not cloud.items
    assert not cloud.objects


def test_a_record_that_the_table_will_never_take_does_not_block_the_others() -> None:
    class Picky(Cloud):
        def put_new(self, item: Item) -> StoredItem | None:
            if item["expected"] == 1e300:
                raise Unstorable("Number overflow")
            return super().put_new(item)

    cloud = Picky()
    bad, good = record(expected=1e300), record()
    cloud.receive(bad, good)
    assert last_outcomes(cloud) == {bad.id: "rejected", good.id: "stored"}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"records": []}',
        b'{"records": {}}',
        b'{"records": [{"title": "no id"}], "schema_version": 1}',
        b'{"records": [1, "x", null], "schema_version": 1}',
        b'{"records": [{}], "schema_version": 99}',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"records": [' + b"{}," * 300 + b"{}]}",
        b" " * 100_001,
    ],
)
def test_a_payload_that_is_not_a_batch_is_refused_and_nothing_is_touched(payload: bytes) -> None:
    cloud = Cloud()
    with pytest.raises(InvalidRecord):
        receive(THING, payload, cloud, cloud.bucket, cloud.publish, cloud.choose)
    assert cloud.calls == 0


def test_the_same_id_twice_in_a_batch_is_stored_and_answered_once() -> None:
    cloud = Cloud()
    one = record()
    batch = json.dumps({"records": [msgspec.to_builtins(one)] * 2, "schema_version": 1})
    receive(THING, batch.encode(), cloud, cloud.bucket, cloud.publish, cloud.choose)
    assert last_outcomes(cloud) == {one.id: "stored"}
    assert_stored_once(cloud, one)


def test_the_items_attributes_are_the_historical_ones() -> None:
    item = item_of(record(genres=("Comedy",), rating=8.2), "hash", held_out=False)
    historical = ("title", "year", "Director1", "Genre1", "Genre2", "Genre3", "stars")
    assert [item[name] for name in historical] == [
        *("Amélie returns", 2003, "Jean-Pierre Jeunet", "Comedy", "None", "None", 8),
    ]
    assert str(item["pk"]).startswith("FEEDBACK#")
    assert item["rating"] == 8.2


def test_what_is_hashed_does_not_depend_on_order_or_on_what_is_not_given() -> None:
    one = record()
    spoken = msgspec.to_builtins(one)
    shuffled = dict(reversed(spoken.items()))
    del shuffled["rating"]
    again = wire.decode(json.dumps(shuffled).encode(), Feedback)
    assert canonical(again) == canonical(one)
    assert b"rating" not in canonical(one)
    assert b'"schema_version":1' in canonical(one)


def correction_of(rating: Feedback, **changes: Any) -> Feedback:
    """Return a correction of version 2, with every field that it brings."""
    return record(
        pick_id=rating.pick_id,
        schema_version=2,
        replaces=rating.id,
        policy="thompson",
        explored=True,
        propensity=0.25,
        slate=SlateGrid(("Ann Bee",), (2003,), (("Comedy",), ("Comedy", "Drama"))),
        sequence=JournalPlace(JOURNAL, 7),
        stack="greenlight",
        **changes,
    )


def test_a_correction_is_stored_beside_the_rating_in_any_order_and_once() -> None:
    cloud, rating = Cloud(), record()
    correction = correction_of(rating, stars=3, domain="lunches", outcome=37.5)
    withdrawal = correction_of(correction, stars=None)
    for sent in (withdrawal, rating, correction, withdrawal, rating):
        cloud.receive(sent)
    assert_stored_once(cloud, withdrawal, rating, correction)
    # The rating is as it was: what counts is decided by those who read.
    assert cloud.items[topics.feedback_key(rating.id)] == item_of(
        rating, hashlib.sha256(canonical(rating)).hexdigest(), held_out=False
    )
    assert {ack.reads for ack in cloud.acks} == {2}


def test_every_field_of_version_2_is_in_the_item_and_in_the_object() -> None:
    correction = correction_of(record(), stars=3, domain="lunches", outcome=37.5)
    item = item_of(correction, "0" * 64, held_out=False)
    assert {
        "policy": "thompson",
        "propensity": 0.25,
        "explored": True,
        "slate": '{"directors":["Ann Bee"],"years":[2003],"sets":[["Comedy"],["Comedy","Drama"]]}',
        "domain": "lunches",
        "outcome": 37.5,
        "replaces": correction.replaces,
        "journal": JOURNAL,
        "number": 7,
        "stack": "greenlight",
    }.items() <= item.items()
    assert wire.decode(canonical(correction), Feedback) == correction
    assert "stars" not in item_of(correction_of(record(), stars=None), "0" * 64, held_out=False)


def test_what_version_2_adds_changes_no_hash_of_version_1() -> None:
    one = record(
        id="0192e3a0-0000-7000-8000-000000000001", pick_id="0" * 8 + "-0000" * 3 + "-" + "0" * 12
    )
    assert hashlib.sha256(canonical(one)).hexdigest() == HASH_OF_VERSION_1
    assert {"replaces", "policy", "sequence"}.isdisjoint(item_of(one, "0" * 64, held_out=False))
