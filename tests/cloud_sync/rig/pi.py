"""A provisioned device of the local cloud, and what the cloud knows about it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from rig.records import Published, feedback

from data import topics, wire
from data.messages import Feedback
from data.signing import development_key
from edge.incoming import incoming_folder
from edge.journal import JOURNAL, Journal

TIMEOUT_SECONDS = 40.0


class Pi:
    """One provisioned device: its state folder, its journal, the command."""

    def __init__(self, cloud: Any, thing: str, folder: Path) -> None:
        self.cloud, self.thing = cloud, thing
        self.config = cloud.provision(thing, folder / "thing") / "sync.toml"
        self.state = folder / "state"
        incoming_folder(self.state)
        self.journal = Journal.open(self.state / JOURNAL)
        self.folder = folder

    def command(self, *words: str) -> list[str]:
        name, *rest = words
        base = [sys.executable, "-m", "cloud_sync", name, "--config", str(self.config)]
        return [*base, "--state", str(self.state), *rest]

    def once(self, timeout: float = TIMEOUT_SECONDS) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("once", "--timeout", str(timeout)),
            capture_output=True,
            text=True,
            check=False,
        )

    def rate(self, count: int) -> list[Feedback]:
        records = [feedback(number, thing=self.thing) for number in range(count)]
        for record in records:
            self.journal.record_rating(record)
        return records

    def publish(self, version: int) -> tuple[str, Published]:
        """Put a signed bundle into the bucket and create its job."""
        aws = self.cloud.aws
        published = Published(self.folder / f"bundle-{version}", version, development_key())
        bucket = aws.local.models_bucket
        prefix = f"models/{self.thing.lower()}/{version}/"
        for key, content in published.objects.items():
            aws.client("s3").put_object(
                Bucket=bucket, Key=key.replace(published.prefix, prefix), Body=content
            )
        return self.send_job(published, version), published

    def send_job(self, published: Published, version: int) -> str:
        """Create the job of a bundle, as this version, and return its id."""
        aws = self.cloud.aws
        bucket = aws.local.models_bucket
        prefix = f"models/{self.thing.lower()}/{version}/"
        document = msgspec.to_builtins(published.document(bucket=bucket, prefix=prefix))
        job_id = f"{self.thing}-{version}"
        target = aws.client("iot").describe_thing(thingName=self.thing)["thingArn"]
        aws.client("iot").create_job(
            jobId=job_id, targets=[target], document=json.dumps({**document, "version": version})
        )
        return job_id

    def job(self, job_id: str) -> tuple[str, dict[str, str]]:
        found = self.cloud.aws.client("iot").describe_job_execution(
            jobId=job_id, thingName=self.thing
        )["execution"]
        return found["status"], found.get("statusDetails", {}).get("detailsMap", {})

    def shadow(self) -> dict[str, Any]:
        found = self.cloud.aws.client("iot-data").get_thing_shadow(
            thingName=self.thing, shadowName="model"
        )
        state: dict[str, Any] = json.loads(found["payload"].read())["state"]["reported"]
        return state

    def stored(self, record: Feedback) -> bool:
        aws = self.cloud.aws
        item = aws.client("dynamodb").get_item(
            TableName=aws.local.table, Key={"pk": {"S": topics.feedback_key(record.id)}}
        )
        if "Item" not in item:
            return False
        listed = aws.client("s3").list_objects_v2(
            Bucket=aws.local.data_bucket, Prefix=self.object_of(record)
        )
        return int(listed["KeyCount"]) == 1

    def object_of(self, record: Feedback) -> str:
        """Return the key of a rating's object, as its item says."""
        aws = self.cloud.aws
        key = {"pk": {"S": topics.feedback_key(record.id)}}
        item = aws.client("dynamodb").get_item(TableName=aws.local.table, Key=key)["Item"]
        return topics.feedback_object(record.id, held_out=item["held_out"]["BOOL"])

    def kept(self, record: Feedback) -> str:
        """Return the thing that both stores name in a record."""
        aws = self.cloud.aws
        key = {"pk": {"S": topics.feedback_key(record.id)}}
        item = aws.client("dynamodb").get_item(TableName=aws.local.table, Key=key)["Item"]
        found = aws.client("s3").get_object(
            Bucket=aws.local.data_bucket, Key=self.object_of(record)
        )
        thing = wire.decode(found["Body"].read(), Feedback).thing
        assert item["thing"]["S"] == thing
        return thing
