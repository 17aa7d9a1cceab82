"""The in-memory stores and the real ones keep the same promises."""

from __future__ import annotations

from typing import Any

import pytest

from data import topics
from data.ids import new_id
from lambdas.store_feedback.ingest import StoredItem, item_of
from lambdas.store_feedback.stores import DynamoTable, S3Objects

from ..fake_cloud import Cloud, record


@pytest.fixture(params=["in memory", "DynamoDB"])
def table(request: pytest.FixtureRequest) -> Any:
    if request.param == "in memory":
        return Cloud()
    cloud = request.getfixturevalue("local_cloud")
    return DynamoTable(cloud.aws.client("dynamodb"), cloud.aws.local.table)


@pytest.fixture(params=["in memory", "S3"])
def objects(request: pytest.FixtureRequest) -> Any:
    if request.param == "in memory":
        cloud = Cloud()
        return cloud.bucket, lambda key: cloud.objects[key]
    cloud = request.getfixturevalue("local_cloud")
    s3, bucket = cloud.aws.client("s3"), cloud.aws.local.data_bucket
    return S3Objects(s3, bucket), lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.mark.parametrize("held_out", [False, True])
def test_the_table_takes_an_item_once_and_returns_hash_and_choice_of_the_first(
    table: Any, held_out: bool
) -> None:
    one, first = record(), StoredItem("first", held_out)
    assert table.put_new(item_of(one, "first", held_out=held_out)) is None
    assert table.put_new(item_of(one, "second", held_out=not held_out)) == first
    assert table.put_new(item_of(one, "third", held_out=not held_out)) == first


def test_an_item_from_before_there_was_a_choice_counts_as_one_that_trains(table: Any) -> None:
    one = item_of(record(), "first", held_out=True)
    del one["held_out"]
    assert table.put_new(one) is None
    assert table.put_new(one | {"held_out": True}) == StoredItem("first", held_out=False)


def test_the_bucket_keeps_the_first_object_of_a_key(objects: Any) -> None:
    bucket, read = objects
    key = topics.feedback_object(new_id())
    bucket.put_new(key, b"first")
    bucket.put_new(key, b"second")
    assert read(key) == b"first"
