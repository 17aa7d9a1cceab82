"""Ratings from before there was a key are moved once, and nothing is lost wherever that stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from data import topics
from data.ids import new_id
from data.messages import Feedback
from lambdas.operator.held_out import AwsStores, HeldOut, move_all
from lambdas.store_feedback.ingest import Item, canonical, item_of
from lambdas.store_feedback.stores import DynamoTable

from ..fake_cloud import record

HIDDEN = "Ang Lee"


def choose(one: Feedback) -> bool:
    return one.director == HIDDEN


class Stopped(Exception):
    """The command was stopped."""


@dataclass
class Stores:
    """Table and bucket in memory; stops at one call, before or after it takes effect."""

    items: dict[str, Item] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    calls: int = 0
    stops_at: int = -1
    after: bool = False

    def put(self, one: Feedback) -> None:
        item = item_of(one, "sha256", held_out=False)
        del item["held_out"]
        self.items[str(item["pk"])] = item
        self.objects[topics.feedback_object(one.id)] = canonical(one)

    def read(self, key: str) -> bytes:
        self._call(lambda: None)
        return self.objects[key]

    def hold_out(self, item: Item) -> None:
        key = str(item["pk"])
        self._call(lambda: self.items.update({key: self.items.get(key, item) | {"held_out": True}}))

    def put_new(self, key: str, content: bytes) -> None:
        self._call(lambda: self.objects.setdefault(key, content))

    def delete(self, key: str) -> None:
        self._call(lambda: self.objects.pop(key))

    def _call(self, act: Any) -> None:
        number, self.calls = self.calls, self.calls + 1
        if number == self.stops_at and not self.after:
            raise Stopped
        act()
        if number == self.stops_at:
            raise Stopped

    def run(self) -> HeldOut:
        return move_all(self, choose, sorted(self.objects_that_train()))

    def objects_that_train(self) -> list[str]:
        return [key for key in self.objects if key.startswith(topics.FEEDBACK_PREFIX)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", range(4))
def test_stopped_at_any_call_the_next_run_finishes_and_nothing_is_lost_in_between(
    call: int, after: bool
) -> None:
    hidden = record(director=HIDDEN)
    stores = Stores(stops_at=call, after=after)
    stores.put(hidden)
    places = {topics.feedback_object(hidden.id, held_out=held) for held in (False, True)}
    with pytest.raises(Stopped):
        stores.run()
    assert places & set(stores.objects), "it is in the bucket at every moment"
    (item,) = stores.items.values()
    if topics.feedback_object(hidden.id, held_out=True) in stores.objects:
        assert item["held_out"], "and a resend already goes there"
    stores.stops_at = -1
    stores.run()
    assert stores.objects == {f"held-out/{hidden.id}.json": canonical(hidden)}
    assert next(iter(stores.items.values()))["held_out"] is True
    assert stores.run() == HeldOut(0, 0, ())


def test_what_trains_stays_and_what_is_not_a_rating_is_named() -> None:
    stores, shown, hidden = Stores(), record(), record(director=HIDDEN)
    for one in (shown, hidden):
        stores.put(one)
    stray, copied = "feedback/stray.json", f"feedback/{new_id()}.json"
    stores.objects |= {stray: b"{", copied: canonical(hidden)}
    done = stores.run()
    assert (done.moved, done.training, set(done.refused)) == (1, 1, {stray, copied})
    assert "held_out" not in stores.items[topics.feedback_key(shown.id)]


def test_in_aws_the_item_keeps_everything_else_and_a_lost_one_is_made_again(
    local_cloud: Any,
) -> None:
    aws, bucket = local_cloud.aws, f"hold-out-{new_id()[-12:]}"
    s3, dynamodb = aws.client("s3"), aws.client("dynamodb")
    s3.create_bucket(Bucket=bucket)
    table = DynamoTable(dynamodb, aws.local.table)
    old, lost, shown = record(director=HIDDEN), record(director=HIDDEN), record()
    for one in (old, shown):
        item = item_of(one, "sha256", held_out=False)
        del item["held_out"]
        table.put_new(item)
    for one in (old, lost, shown):
        s3.put_object(Bucket=bucket, Key=topics.feedback_object(one.id), Body=canonical(one))

    def item_in_table(one: Feedback) -> Any:
        key = {"pk": {"S": topics.feedback_key(one.id)}}
        return dynamodb.get_item(TableName=aws.local.table, Key=key)["Item"]

    before = item_in_table(old)
    stores = AwsStores(s3, dynamodb, bucket, aws.local.table)
    assert move_all(stores, choose, stores.keys()) == HeldOut(2, 1, ())
    assert item_in_table(old) == before | {"held_out": {"BOOL": True}}
    assert item_in_table(lost)["held_out"] == {"BOOL": True}
    assert "held_out" not in item_in_table(shown)
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert {found["Key"] for found in listed} == {
        topics.feedback_object(one.id, held_out=one is not shown) for one in (old, lost, shown)
    }
    assert move_all(stores, choose, stores.keys()) == HeldOut(0, 1, ())
