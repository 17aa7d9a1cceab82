"""A release reaches devices slowly, and stops if they fail."""

from __future__ import annotations

import boto3
from botocore.stub import ANY, Stubber

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
        again = roll_out(iot, "films", JOB, [FLEET], "greenlight")
        assert (first.is_new, again) == (True, (first.job, False))
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
