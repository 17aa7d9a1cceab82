"""Rebuilds the table's ratings from the data bucket: `python -m lambdas.restore`.

The objects are the whole record. An item that is there is left as it is, so that this may run
beside a living stack, and again.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from data import topics, wire
from data.errors import GreenlightError, InvalidRecord
from data.wire import Feedback
from lambdas.aws import STACK, Aws, AwsUnusable, in_account, on_desk
from lambdas.store_feedback.ingest import Table, item_of
from lambdas.store_feedback.stores import DynamoTable

_PREFIX = topics.feedback_object("").rpartition("/")[0] + "/"


def objects(s3: Any, bucket: str) -> Iterator[tuple[str, bytes]]:
    """Yield key and content of every rating in the data bucket."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_PREFIX):
        for found in page.get("Contents", []):
            content: bytes = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
            yield found["Key"], content


def restore(kept: Iterator[tuple[str, bytes]], table: Table) -> tuple[int, int, list[str]]:
    """Put what is missing.

    Returns:
        How many items were put, how many were there, and the objects that are no rating.
    """
    put, there, refused = 0, 0, []
    for key, content in kept:
        try:
            record = wire.decode(content, Feedback)
        except InvalidRecord as error:
            refused.append(f"{key}: {error}")
            continue
        if table.put_new(item_of(record, hashlib.sha256(content).hexdigest())) is None:
            put += 1
        else:
            there += 1
    return put, there, refused


def main(
    desk: Annotated[Path | None, typer.Option(help="a local cloud's folder")] = None,
    region: Annotated[str | None, typer.Option(help="of AWS; else your settings'")] = None,
    stack: Annotated[str, typer.Option(help="the stack's name")] = STACK,
) -> None:
    """Rebuild the table's ratings from the data bucket."""
    try:
        aws: Aws = on_desk(desk) if desk is not None else in_account(region)
        outputs = aws.outputs(stack)
        table = DynamoTable(aws.client("dynamodb"), outputs["Table"])
        put, there, refused = restore(objects(aws.client("s3"), outputs["DataBucket"]), table)
    except (ClientError, BotoCoreError) as error:
        print(f"lambdas.restore: {AwsUnusable(f'AWS refuses: {error}')}", file=sys.stderr)
        raise typer.Exit(1) from error
    except GreenlightError as error:
        print(f"lambdas.restore: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{put} item(s) put, {there} were there")
    for one in refused:
        print(f"no rating: {one}", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
