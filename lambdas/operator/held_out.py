"""`greenlight-cloud ratings hold-out`: moves the ratings that are held out to their own prefix.

For stacks that stored ratings before there was a key to choose them by. The item is updated first,
then the object copied, then deleted. So it may be stopped anywhere and run again, while the stack
is in use: a rating that is sent again meanwhile goes where its item says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol, TypeAlias

import typer

from data import topics, wire
from data.command_line import JsonOption, print_json
from data.errors import InvalidRecord
from data.held_out import is_held_out
from data.messages import Feedback
from lambdas.operator.aws import STACK, reach
from lambdas.operator.options import LocalOption, RegionOption, StackOption
from lambdas.s3_objects import put_new_object
from lambdas.store_feedback.ingest import Choose, Item, item_of
from lambdas.store_feedback.stores import DynamoTable

_AT_ONCE = 16
Step: TypeAlias = Literal["moved", "training", "refused"]


class Stores(Protocol):
    """The table and the data bucket."""

    def read(self, key: str) -> bytes:
        """Return an object's content."""

    def hold_out(self, item: Item) -> None:
        """Put the item, or set the choice of the one that is there."""

    def put_new(self, key: str, content: bytes) -> None:
        """Put an object, unless the key exists."""

    def delete(self, key: str) -> None:
        """Delete an object."""


@dataclass(frozen=True)
class HeldOut:
    """The result of moving.

    Attributes:
        moved: how many ratings were moved.
        training: how many stay where they are, because they train.
        refused: the objects that aren't ratings; they stay too.
    """

    moved: int
    training: int
    refused: tuple[str, ...]


def move(stores: Stores, choose: Choose, key: str) -> Step:
    """Move the rating under this key, if it is held out.

    Raises:
        Exception: whatever a store raises; run it again.
    """
    content = stores.read(key)
    try:
        record = wire.decode(content, Feedback)
    except InvalidRecord:
        return "refused"
    if key != topics.feedback_object(record.id):
        return "refused"
    if not choose(record):
        return "training"
    stores.hold_out(item_of(record, hashlib.sha256(content).hexdigest(), held_out=True))
    stores.put_new(topics.feedback_object(record.id, held_out=True), content)
    stores.delete(key)
    return "moved"


def move_all(stores: Stores, choose: Choose, keys: Iterable[str]) -> HeldOut:
    """Move all ratings that are held out, several at once."""
    kept = list(keys)
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        steps = list(workers.map(partial(move, stores, choose), kept))
    refused = (key for key, step in zip(kept, steps, strict=True) if step == "refused")
    return HeldOut(steps.count("moved"), steps.count("training"), tuple(refused))


class AwsStores:
    """The table and the data bucket in AWS, or on the local cloud."""

    def __init__(self, s3: Any, dynamodb: Any, bucket: str, table: str) -> None:
        self._s3 = s3
        self._dynamodb = dynamodb
        self._bucket = bucket
        self._name = table
        self._table = DynamoTable(dynamodb, table)

    def keys(self) -> Iterable[str]:
        """Yield the keys of the ratings that train."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=topics.FEEDBACK_PREFIX
        )
        for page in pages:
            yield from (found["Key"] for found in page.get("Contents", []))

    def read(self, key: str) -> bytes:
        """Return an object's content."""
        return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def hold_out(self, item: Item) -> None:
        """Put the item, or set the choice of the one that is there."""
        before = self._table.put_new(item)
        if before is None or before.held_out:
            return
        self._dynamodb.update_item(
            TableName=self._name,
            Key={"pk": {"S": item["pk"]}},
            UpdateExpression="SET held_out = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )

    def put_new(self, key: str, content: bytes) -> None:
        """Put an object, unless the key exists."""
        put_new_object(self._s3, self._bucket, key, content, ContentType="application/json")

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)


def hold_out_command(
    local: LocalOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    as_json: JsonOption = False,
) -> None:
    """Move the ratings that never train to their own prefix, once after an upgrade."""
    aws = reach(local, region)
    outputs = aws.outputs(stack)
    key = aws.held_out_key(stack)
    stores = AwsStores(
        aws.client("s3"), aws.client("dynamodb"), outputs["DataBucket"], outputs["Table"]
    )
    done = move_all(
        stores,
        lambda record: is_held_out(
            key, record.director, record.year, record.genres, record.pick_id
        ),
        stores.keys(),
    )
    if as_json:
        print_json(done)
        return
    typer.echo(
        f"{done.moved} rating(s) moved to {topics.HELD_OUT_PREFIX}, "
        f"{done.training} train and stay in {topics.FEEDBACK_PREFIX}"
    )
    for one in done.refused:
        typer.echo(f"not a rating: {one}", err=True)
