"""A lost table is rebuilt from the bucket."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from data import topics, wire
from data.ids import new_id
from data.messages import FeedbackBatch, JournalPlace
from data.picks import SlateGrid
from lambdas.store_feedback.ingest import receive
from lambdas.store_feedback.stores import DynamoTable, S3Objects

from ..device import feedback


def restored(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", "ratings", "restore", "--local", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )


def test_lost_items_come_back_as_they_were_and_the_others_are_left_alone(local_cloud: Any) -> None:
    aws, local = local_cloud.aws, local_cloud.aws.local
    dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
    # Other tests leave objects whose items nobody ever wrote.
    restored(local_cloud.folder)
    kept = feedback("restored")
    lost = feedback(
        "restored",
        pick_id=kept.pick_id,
        rating=7.75,
        schema_version=2,
        replaces=kept.id,
        explored=True,
        propensity=0.25,
        slate=SlateGrid(("Ang Lee",), (2001, 2002), (("Drama",), ("Drama", "Romance"))),
        sequence=JournalPlace(new_id(), 12),
    )
    receive(
        "restored",
        wire.encode(FeedbackBatch.of(lost, kept)),
        DynamoTable(dynamodb, local.table),
        S3Objects(s3, local.data_bucket),
        lambda _topic, _payload: None,
        lambda record: record.id == lost.id,
    )
    key = {"pk": {"S": topics.feedback_key(lost.id)}}
    before = dynamodb.get_item(TableName=local.table, Key=key)["Item"]
    dynamodb.delete_item(TableName=local.table, Key=key)
    s3.put_object(Bucket=local.data_bucket, Key="feedback/stray.json", Body=b"{")
    try:
        said = restored(local_cloud.folder)
    finally:
        s3.delete_object(Bucket=local.data_bucket, Key="feedback/stray.json")
    assert dynamodb.get_item(TableName=local.table, Key=key)["Item"] == before
    assert said.stdout.startswith("1 item(s) restored, "), said.stdout
    assert "feedback/stray.json" in said.stderr
