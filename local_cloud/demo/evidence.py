"""What the local cloud has stored for a thing, read straight from its stores."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from data import topics
from lambdas.operator.aws import on_local_cloud


class CloudEvidence:
    """Reads the stores of a running local cloud.

    Args:
        folder: the local cloud's folder.
        thing: the thing whose jobs and shadow are read.
    """

    def __init__(self, folder: Path, thing: str) -> None:
        self._aws = on_local_cloud(folder)
        assert self._aws.local is not None
        self._endpoints = self._aws.local
        self._thing = thing

    @property
    def table(self) -> str:
        """The film table's name."""
        return self._endpoints.table

    def items(self) -> list[dict[str, Any]]:
        """Return the feedback items of the table, in the order in which they were rated."""
        pages = self._aws.client("dynamodb").get_paginator("scan")
        items = [
            {name: next(iter(value.values())) for name, value in sorted(item.items())}
            for page in pages.paginate(TableName=self.table)
            for item in page["Items"]
            if item["pk"]["S"].startswith(topics.feedback_key(""))
        ]
        return sorted(items, key=lambda item: item["rated_at"])

    def objects(self) -> set[str]:
        """Return the keys of the feedback objects in the bucket, held out or not."""
        pages = self._aws.client("s3").get_paginator("list_objects_v2")
        return {
            entry["Key"]
            for prefix in (topics.FEEDBACK_PREFIX, topics.HELD_OUT_PREFIX)
            for page in pages.paginate(Bucket=self._endpoints.data_bucket, Prefix=prefix)
            for entry in page.get("Contents", [])
        }

    def content(self, key: str) -> dict[str, Any]:
        """Return the JSON of an object in the bucket."""
        bucket = self._endpoints.data_bucket
        body = self._aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        content: dict[str, Any] = json.loads(body)
        return content

    def store(self, thing: str, batch: bytes) -> int:
        """Have `store_feedback` store a batch, as if sent by a thing; return how many it stored."""
        event = {"thing": thing, "payload": b64encode(batch).decode()}
        function = self._aws.outputs(self._endpoints.stack)["StoreFeedback"]
        answer = self._aws.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(event).encode()
        )
        counted: dict[str, Any] = json.loads(answer["Payload"].read())
        return int(counted.get("stored", 0))

    def job_executions(self) -> list[dict[str, Any]]:
        """Return the thing's job executions, with the device's status details."""
        iot = self._aws.client("iot")
        found = iot.list_job_executions_for_thing(thingName=self._thing)["executionSummaries"]
        return [
            iot.describe_job_execution(jobId=one["jobId"], thingName=self._thing)["execution"]
            for one in found
        ]

    def reported(self) -> dict[str, Any]:
        """Return the reported state in the thing's shadow."""
        shadow = self._aws.client("iot-data").get_thing_shadow(
            thingName=self._thing, shadowName=topics.SHADOW_NAME
        )
        reported: dict[str, Any] = json.loads(shadow["payload"].read())["state"]["reported"]
        return reported
