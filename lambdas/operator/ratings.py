"""`greenlight-cloud ratings restore`: rebuilds the table's ratings from the data bucket.

The objects are the complete record. Existing items stay as they are, so this can run while the
stack is in use, and more than once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Any

import typer

from data import topics, wire
from data.command_line import JsonOption, print_json
from data.errors import InvalidRecord
from data.messages import Feedback
from lambdas.operator.aws import STACK, reach
from lambdas.operator.options import LocalOption, RegionOption, StackOption
from lambdas.store_feedback.ingest import Table, item_of
from lambdas.store_feedback.stores import DynamoTable

# Held-out ratings first: if moving one was interrupted, it is under both prefixes.
_PREFIXES = (topics.HELD_OUT_PREFIX, topics.FEEDBACK_PREFIX)
_SUFFIX = topics.feedback_object("").removeprefix(topics.FEEDBACK_PREFIX)


@dataclass(frozen=True)
class Restored:
    """The result of restoring.

    Attributes:
        put: how many items were missing and have been put back.
        there: how many existed.
        refused: the objects that aren't ratings, and why.
    """

    put: int
    there: int
    refused: tuple[str, ...]


def keys_in_bucket(s3: Any, bucket: str) -> Iterator[str]:
    """Yield the key of every rating in the data bucket."""
    for prefix in _PREFIXES:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from (found["Key"] for found in page.get("Contents", []))


def ids_in_table(dynamodb: Any, table: str) -> set[str]:
    """Return the ids of the ratings in the table."""
    ids: set[str] = set()
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="id"):
        ids |= {item["id"]["S"] for item in page["Items"] if "id" in item}
    return ids


def restore(
    keys: Iterable[str], there: Set[str], read: Callable[[str], bytes], table: Table
) -> Restored:
    """Put every rating that is missing from the table; its prefix says whether it is held out.

    Args:
        keys: the keys of the ratings in the bucket.
        there: the ids in the table; only other objects are read.
        read: returns an object's content.
        table: the table to put them into.
    """
    put, found, refused = 0, 0, []
    for key in keys:
        prefix, _, name = key.rpartition("/")
        if name.removesuffix(_SUFFIX) in there:
            found += 1
            continue
        content = read(key)
        try:
            record = wire.decode(content, Feedback)
        except InvalidRecord as error:
            refused.append(f"{key}: {error}")
            continue
        held_out = f"{prefix}/" == topics.HELD_OUT_PREFIX
        sha256 = hashlib.sha256(content).hexdigest()
        before = table.put_new(item_of(record, sha256, held_out=held_out))
        put, found = put + (before is None), found + (before is not None)
    return Restored(put, found, tuple(refused))


def restore_command(
    local: LocalOption = None,
    region: RegionOption = None,
    stack: StackOption = STACK,
    as_json: JsonOption = False,
) -> None:
    """Rebuild the table's ratings from the data bucket."""
    aws = reach(local, region)
    outputs = aws.outputs(stack)
    s3, dynamodb = aws.client("s3"), aws.client("dynamodb")
    bucket, table = outputs["DataBucket"], outputs["Table"]
    done = restore(
        keys_in_bucket(s3, bucket),
        ids_in_table(dynamodb, table),
        lambda key: bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read()),
        DynamoTable(dynamodb, table),
    )
    if as_json:
        print_json(done)
        return
    typer.echo(f"{done.put} item(s) restored, {done.there} already there")
    for one in done.refused:
        typer.echo(f"not a rating: {one}", err=True)
