"""A release reaches devices slowly, and stops if they fail."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from data.ids import new_id
from data.messages import ModelUpdateJob
from lambdas.release import roll_out

JOB = ModelUpdateJob("model-update", 7, "models", "films/7/", "a" * 64)
FLEET = "arn:aws:iot:eu-central-1:123456789012:thinggroup/greenlight-fleet"


def test_a_rollout_starts_slowly_and_stops_if_devices_fail() -> None:
    iot = boto3.client("iot", region_name="eu-central-1")
    asked = {
        "jobId": ANY, "targets": [FLEET], "document": ANY, "description": ANY,
        "targetSelection": "SNAPSHOT", "jobExecutionsRolloutConfig": ANY, "abortConfig": ANY,
        "timeoutConfig": {"inProgressTimeoutInMinutes": 60}, "jobExecutionsRetryConfig": ANY,
    }  # fmt: skip
    seen: dict[str, dict] = {}
    iot.meta.events.register(
        "provide-client-params.iot.CreateJob", lambda params, **_: seen.update(params)
    )
    with Stubber(iot) as stub:
        stub.add_response("create_job", {"jobId": "x"}, asked)
        first = roll_out(iot, "films", JOB, [FLEET], "greenlight")
        stub.add_client_error("create_job", "ResourceAlreadyExistsException")
        stub.add_response("describe_job", {"job": {"status": "IN_PROGRESS"}})
        again = roll_out(iot, "films", JOB, [FLEET], "greenlight")
        assert (first.status, again) == (None, (first.job, "IN_PROGRESS"))
    pace = seen["jobExecutionsRolloutConfig"]
    assert (pace["exponentialRate"]["baseRatePerMinute"], pace["maximumPerMinute"]) == (5, 50)
    brakes = seen["abortConfig"]["criteriaList"]
    assert {brake["failureType"] for brake in brakes} == {"FAILED", "REJECTED"}, (
        "a Pi that is switched off says nothing of the model"
    )
    for brake in brakes:
        assert brake["action"] == "CANCEL"
        assert (brake["thresholdPercentage"], brake["minNumberOfExecutedThings"]) == (20.0, 5)
    retried = seen["jobExecutionsRetryConfig"]["criteriaList"]
    assert retried == [{"failureType": "TIMED_OUT", "numberOfRetries": 10}]


@pytest.fixture
def things(local_cloud: Any) -> list[str]:
    """Two things without a device, and their ARNs."""
    iot = local_cloud.aws.client("iot")
    names = [f"rollout-{new_id()[-8:]}" for _ in range(2)]
    return [iot.create_thing(thingName=name)["thingArn"] for name in names]


def statuses(iot: Any, job: str) -> set[str]:
    found = iot.list_job_executions_for_job(jobId=job)["executionSummaries"]
    return {one["jobExecutionSummary"]["status"] for one in found}


def test_a_stopped_rollout_is_repeated_and_says_so(local_cloud: Any, things: list[str]) -> None:
    iot = local_cloud.aws.client("iot")
    order = (iot, "films", JOB, things, "greenlight")
    first = roll_out(*order, again=True)
    assert roll_out(*order, again=True) == (first.job, "IN_PROGRESS"), "it goes on"
    iot.cancel_job(jobId=first.job, force=True)
    assert roll_out(*order) == (first.job, "CANCELED"), "an event's retry repeats nothing"
    second = roll_out(*order, again=True)
    assert second == (f"{first.job}-2", None)
    assert statuses(iot, second.job) == {"QUEUED"}
    assert roll_out(*order, again=True) == (second.job, "IN_PROGRESS")


def test_a_rollout_that_left_a_device_without_the_model_is_repeated(
    local_cloud: Any, things: list[str]
) -> None:
    iot = local_cloud.aws.client("iot")
    order = (iot, "films", JOB, things, "greenlight")
    first = roll_out(*order, again=True)
    for arn, status in zip(things, ("SUCCEEDED", "FAILED"), strict=True):
        ended(local_cloud, first.job, arn.rpartition("/")[2], status)
    assert iot.describe_job(jobId=first.job)["job"]["status"] == "COMPLETED"
    second = roll_out(*order, again=True)
    assert second == (f"{first.job}-2", None)
    for arn in things:
        ended(local_cloud, second.job, arn.rpartition("/")[2], "SUCCEEDED")
    assert roll_out(*order, again=True) == (second.job, "COMPLETED"), "all have it"


def ended(local_cloud: Any, job: str, thing: str, status: str) -> None:
    """Report the end of a device's part in a job, as the device would."""
    local_cloud.aws.client("iot-jobs-data").update_job_execution(
        jobId=job, thingName=thing, status=status
    )
