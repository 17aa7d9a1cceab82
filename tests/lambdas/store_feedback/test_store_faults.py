"""Crash consistency on the real stores: faults on the wire, as AWS's own library meets them."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from data import topics, wire
from data.messages import Ack, FeedbackBatch
from lambdas.store_feedback.ingest import canonical, receive
from lambdas.store_feedback.stores import DynamoTable, S3Objects

from ..device import feedback
from ..fake_cloud import nothing_held_out

CALLS = ("item", "object", "item", "object", "ack")
FAULTS = ("lost request", "lost answer", "throttled", "conflict")

_ERRORS = {
    ("dynamodb", "throttled"): (400, "ThrottlingException"),
    ("dynamodb", "conflict"): (400, "TransactionConflictException"),
    ("s3", "throttled"): (503, "SlowDown"),
    ("s3", "conflict"): (409, "ConditionalRequestConflict"),
    ("iot-data", "throttled"): (429, "ThrottlingException"),
    ("iot-data", "conflict"): (409, "ConflictException"),
}


class _Body(io.BytesIO):
    def stream(self, *_: object, **__: object) -> Any:
        yield self.read()


def refusal(service: str, fault: str, url: str) -> AWSResponse:
    """Return the answer by which a service refuses."""
    status, code = _ERRORS[service, fault]
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    else:
        body = json.dumps({"__type": code, "message": "no"}).encode()
    return AWSResponse(url, status, {"x-amzn-ErrorType": code}, _Body(body))


class Wire:
    """The functions' clients on the local cloud, with a fault at one request of one's choice."""

    def __init__(self, local: Any, tries: int) -> None:
        self.requests = 0
        self.at = -1
        self.fault = ""
        config = Config(retries={"mode": "standard", "total_max_attempts": tries})
        self.clients = {}
        for service in ("dynamodb", "s3", "iot-data"):
            client = boto3.client(
                service,
                region_name=local.region,
                endpoint_url=local.aws_endpoint_url,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=config,
            )
            client.meta.events.register("before-send", self._hook(service))
            self.clients[service] = client
        self.table = DynamoTable(self.clients["dynamodb"], local.table)
        self.objects = S3Objects(self.clients["s3"], local.data_bucket)
        self.acks: list[bytes] = []

    def publish(self, topic: str, payload: bytes) -> None:
        self.clients["iot-data"].publish(topic=topic, qos=1, payload=payload)
        self.acks.append(payload)

    def receive(self, thing: str, payload: bytes) -> None:
        receive(thing, payload, self.table, self.objects, self.publish, nothing_held_out)

    def break_at(self, request: int, fault: str) -> None:
        self.requests, self.at, self.fault = 0, request, fault

    def _hook(self, service: str) -> Callable[..., Any]:
        def before_send(request: Any, **_: object) -> AWSResponse | None:
            number, self.requests = self.requests, self.requests + 1
            if number != self.at:
                return None
            if self.fault == "lost request":
                raise ConnectTimeoutError(endpoint_url=request.url)
            if self.fault == "lost answer":
                URLLib3Session().send(request)
                raise ReadTimeoutError(endpoint_url=request.url)
            return refusal(service, self.fault, request.url)

        return before_send


@pytest.fixture(scope="module")
def once(local_cloud: Any) -> Wire:
    """Clients that try once, so that every fault ends the function."""
    return Wire(local_cloud.aws.local, tries=1)


@pytest.fixture(scope="module")
def stubborn(local_cloud: Any) -> Wire:
    """Clients that try again by themselves, as the functions' do."""
    return Wire(local_cloud.aws.local, tries=4)


def assert_kept_once(cloud: Any, *records: Any) -> None:
    local = cloud.aws.local
    for record in records:
        item = cloud.aws.client("dynamodb").get_item(
            TableName=local.table, Key={"pk": {"S": topics.feedback_key(record.id)}}
        )["Item"]
        assert item["stars"] == {"N": str(record.stars)}
        versions = cloud.aws.client("s3").list_object_versions(
            Bucket=local.data_bucket, Prefix=topics.feedback_object(record.id)
        )["Versions"]
        assert len(versions) == 1, "written once, not overwritten"
        kept = cloud.aws.client("s3").get_object(
            Bucket=local.data_bucket, Key=topics.feedback_object(record.id)
        )["Body"]
        assert kept.read() == canonical(record)


@pytest.mark.parametrize(("call", "fault"), list(itertools.product(range(len(CALLS)), FAULTS)))
def test_after_any_fault_at_any_call_the_resend_leaves_one_item_and_one_object(
    call: int, fault: str, once: Wire, local_cloud: Any
) -> None:
    one, two = feedback("wired"), feedback("wired")
    batch = wire.encode(FeedbackBatch.of(one, two))
    once.acks.clear()
    once.break_at(call, fault)
    with pytest.raises((BotoCoreError, ClientError)):
        once.receive("wired", batch)
    assert once.acks == []
    once.break_at(-1, "")
    once.receive("wired", batch)
    assert len(once.acks) == 1
    outcomes = wire.decode(once.acks[0], Ack).outcomes
    assert [outcome.id for outcome in outcomes] == [one.id, two.id]
    assert {outcome.outcome for outcome in outcomes} <= {"stored", "duplicate"}
    assert_kept_once(local_cloud, one, two)


@pytest.mark.parametrize("call", range(len(CALLS)))
def test_a_lost_answer_that_the_library_itself_repeats_changes_nothing(
    call: int, stubborn: Wire, local_cloud: Any
) -> None:
    """The second try of a put meets the first: that is a duplicate, not a conflict."""
    one, two = feedback("wired"), feedback("wired")
    stubborn.acks.clear()
    stubborn.break_at(call, "lost answer")
    stubborn.receive("wired", wire.encode(FeedbackBatch.of(one, two)))
    assert len(stubborn.acks) == 1
    outcomes = wire.decode(stubborn.acks[0], Ack).outcomes
    assert {outcome.outcome for outcome in outcomes} <= {"stored", "duplicate"}
    assert_kept_once(local_cloud, one, two)
