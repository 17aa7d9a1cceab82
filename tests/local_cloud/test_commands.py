"""The local cloud: a rating's way through it, outages, restarts, and refusals that explain."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from data import topics, wire
from data.bundle import beside
from data.ids import new_id
from data.manifest import ARRAYS
from data.messages import FeedbackBatch
from lambdas.operator.aws import AwsUnusable, on_local_cloud
from local_cloud.state import LocalState

from ..lambdas.device import Device, feedback, object_of
from .tool import tool


def test_a_rating_reaches_table_and_bucket_and_is_acked(
    local_cloud: Any, devices: Callable[[], Device]
) -> None:
    device = devices().connect()
    rated = feedback(device.thing)
    ack = device.rate(rated)
    assert [(outcome.id, outcome.outcome) for outcome in ack.outcomes] == [(rated.id, "stored")]
    local = local_cloud.aws.local
    item = local_cloud.aws.client("dynamodb").get_item(
        TableName=local.table, Key={"pk": {"S": topics.feedback_key(rated.id)}}
    )["Item"]
    assert item["Director1"] == {"S": rated.director}
    kept = local_cloud.aws.client("s3").get_object(
        Bucket=local.data_bucket, Key=object_of(local_cloud.aws, rated)
    )["Body"]
    assert json.loads(kept.read())["stars"] == rated.stars
    assert device.rate(rated).outcomes[0].outcome == "duplicate"


def test_status_shows_every_part_and_a_second_start_changes_nothing(local_cloud: Any) -> None:
    before = local_cloud.aws.local
    again = tool("start", "--local", str(local_cloud.folder))
    assert again.returncode == 0, again.stderr
    assert local_cloud.aws.local == before
    status = tool("status", "--local", str(local_cloud.folder))
    assert status.returncode == 0
    assert "online" in status.stdout
    assert before.aws_endpoint_url in status.stdout


def test_stopped_it_keeps_all_killed_it_leaves_nothing_running_and_fresh_it_forgets(
    tmp_path: Path, example: Path
) -> None:
    folder = tmp_path / "cloud"
    state = ("--local", str(folder))
    arrays = beside(example) / ARRAYS
    try:
        assert tool("start", "--arrays", str(arrays), *state).returncode == 0
        aws = on_local_cloud(folder)
        assert aws.local is not None
        item = {"pk": {"S": "FILM#x#2000#y"}}
        aws.client("dynamodb").put_item(TableName=aws.local.table, Item=item)
        aws.client("iot").create_thing(thingName="kept")
        assert tool("stop", *state).returncode == 0
        assert not LocalState(folder).endpoints.exists()

        assert tool("start", *state).returncode == 0
        assert on_local_cloud(folder).local == aws.local, "the ports, too, are kept for devices"
        found = aws.client("dynamodb").get_item(TableName=aws.local.table, Key=item)
        assert found["Item"] == item
        aws.client("iot").describe_thing(thingName="kept")
        assert "serving" in tool("status", *state).stdout, "and the model"

        supervisor = psutil.Process(int(LocalState(folder).lock.read_text("ascii")))
        family = supervisor.children(recursive=True)
        assert len(family) >= 3, "the emulator, and the supervised endpoint"
        supervisor.kill()
        assert psutil.wait_procs(family, timeout=60)[1] == []
        assert tool("status", *state).returncode == 69
        with pytest.raises(AwsUnusable, match="doesn't answer"):
            aws.outputs(aws.local.stack)

        assert tool("start", "--fresh", *state).returncode == 0
        assert on_local_cloud(folder).client("iot").list_things()["things"] == []
        assert "no model" in tool("status", *state).stdout
    finally:
        tool("stop", *state)


@pytest.mark.parametrize("command", ["status", "tail", "offline", "online"])
def test_commands_to_a_cloud_that_is_not_running_say_how_to_start_one(
    command: str, tmp_path: Path
) -> None:
    refused = tool(command, "--local", str(tmp_path / "none"))
    assert refused.returncode == 69
    assert "no local cloud" in refused.stderr


def test_stopping_a_cloud_that_is_not_running_succeeds(tmp_path: Path) -> None:
    assert tool("stop", "--local", str(tmp_path)).returncode == 0


def undelivered(aws: Any, mark: str) -> str:
    """Wait for the undelivered message with this mark."""
    while True:
        found = aws.client("sqs").receive_message(
            QueueUrl=aws.local.undelivered, WaitTimeSeconds=20, MaxNumberOfMessages=10
        )
        assert "Messages" in found, "nothing came in 20 seconds"
        for message in found["Messages"]:
            if mark in message["Body"]:
                return str(message["Body"])


def test_a_message_that_no_function_can_handle_ends_in_the_undelivered_queue(
    local_cloud: Any, devices: Callable[[], Device]
) -> None:
    """The third try fails too: here because the function's table is not there."""
    aws = local_cloud.aws
    function = f"{aws.local.stack}-store-feedback"
    awslambda = aws.client("lambda")
    settings = awslambda.get_function_configuration(FunctionName=function)["Environment"]
    broken = {"Variables": settings["Variables"] | {"TABLE": "not-there"}}
    device = devices().connect()
    awslambda.update_function_configuration(FunctionName=function, Environment=broken)
    try:
        rated = feedback(device.thing)
        device.send(topics.feedback(device.thing), wire.encode(FeedbackBatch((rated,))))
        undelivered(aws, device.thing)
    finally:
        awslambda.update_function_configuration(FunctionName=function, Environment=settings)
    assert device.rate(rated).outcomes[0].outcome == "stored", "the resend repairs it"


def test_a_rule_whose_function_is_gone_hands_its_message_to_the_queue(local_cloud: Any) -> None:
    aws = local_cloud.aws
    iot, topic = aws.client("iot"), f"gone/{new_id()}"
    rule = iot.get_topic_rule(ruleName=f"{aws.local.stack}_filmupdate")["rule"]
    function = rule["actions"][0]["lambda"]["functionArn"]
    iot.create_topic_rule(
        ruleName="gone",
        topicRulePayload={
            "sql": "SELECT encode(*, 'base64') AS payload FROM 'gone/+'",
            "awsIotSqlVersion": rule["awsIotSqlVersion"],
            "actions": [{"lambda": {"functionArn": f"{function}-gone"}}],
            "errorAction": rule["errorAction"],
        },
    )
    try:
        aws.client("iot-data").publish(topic=topic, qos=1, payload=b"{}")
        printed = undelivered(aws, topic)
    finally:
        iot.delete_topic_rule(ruleName="gone")
    assert "does not exist" in printed
