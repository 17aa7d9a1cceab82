"""`model retrain --wait`: a training job, then its outcome, awaited with boto3's own waiters."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import boto3
import msgspec
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from lambdas.operator.aws import Aws, Wait
from lambdas.operator.retrain import RetrainingFailed, RetrainingTimeouts, wait
from lambdas.training_jobs import TrainingOutcome

JOB = "greenlight-retrain-20260101T000000Z"
OUTCOME = TrainingOutcome(job=JOB, conclusion="refused", reasons=("it is not better",))
PLACE = {"Bucket": "models", "Key": f"outcomes/{JOB}/outcome.json"}
SOON = RetrainingTimeouts(Wait(0.001, 1.0), Wait(0.001, 0.003))


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Stubber]]:
    """Stubs of SageMaker and S3; both answer only what is asked in this order."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-central-1"}
    # boto3's stubs have an overload for each service's literal name, none for a variable.
    clients: dict[str, Any] = {name: boto3.client(name, **keys) for name in ("sagemaker", "s3")}  # type: ignore[call-overload]
    monkeypatch.setattr(Aws, "client", lambda _, name: clients[name])
    stubs = {name: Stubber(client) for name, client in clients.items()}
    for stub in stubs.values():
        stub.activate()
    yield stubs
    for stub in stubs.values():
        stub.assert_no_pending_responses()


def job_is(stub: Stubber, status: str) -> None:
    asked = {"TrainingJobName": JOB}
    stub.add_response("describe_training_job", {"TrainingJobStatus": status, **FACTS}, asked)


FACTS = {
    "TrainingJobName": JOB,
    "TrainingJobArn": f"arn:aws:sagemaker:eu-central-1:123456789012:training-job/{JOB}",
    "ModelArtifacts": {"S3ModelArtifacts": "s3://models/x"},
    "SecondaryStatus": "Completed",
    "AlgorithmSpecification": {"TrainingInputMode": "File"},
    "ResourceConfig": {"VolumeSizeInGB": 1},
    "StoppingCondition": {},
    "CreationTime": 0,
}


def test_the_outcome_is_awaited_as_long_as_it_is_not_there(clouds):
    job_is(clouds["sagemaker"], "InProgress")
    job_is(clouds["sagemaker"], "Completed")
    job_is(clouds["sagemaker"], "Completed")
    for _ in range(2):
        clouds["s3"].add_client_error("head_object", "404", http_status_code=404)
    clouds["s3"].add_response("head_object", {}, PLACE)
    raw = msgspec.json.encode(OUTCOME)
    body = StreamingBody(io.BytesIO(raw), len(raw))
    clouds["s3"].add_response("get_object", {"Body": body, "ContentLength": len(raw)}, PLACE)
    assert wait(Aws("eu-central-1"), "models", JOB, SOON) == OUTCOME


def test_an_outcome_that_never_comes_is_reported_with_where_to_look(clouds):
    job_is(clouds["sagemaker"], "Failed")
    job_is(clouds["sagemaker"], "Failed")
    for _ in range(3):
        clouds["s3"].add_client_error("head_object", "404", http_status_code=404)
    clouds["s3"].add_client_error("get_object", "NoSuchKey", expected_params=PLACE)
    with pytest.raises(RetrainingFailed, match="at the queue of undelivered messages"):
        wait(Aws("eu-central-1"), "models", JOB, SOON)


def test_a_job_that_still_trains_is_not_taken_for_ended(clouds):
    for _ in range(2):
        job_is(clouds["sagemaker"], "InProgress")
    short = RetrainingTimeouts(Wait(0.001, 0.001), Wait(0.001, 0.001))
    with pytest.raises(RetrainingFailed, match="ended"):
        wait(Aws("eu-central-1"), "models", JOB, short)
