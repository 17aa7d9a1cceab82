"""Training jobs on the local cloud, then release_model: real functions, rights and events."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from data import topics, wire
from data.film_table import write_films
from data.manifest import MANIFEST, MODEL
from data.messages import ModelUpdateJob
from lambdas.operator.aws import Wait
from lambdas.operator.film_import import put_film_table
from lambdas.operator.retrain import RetrainingTimeouts, verdict_on, wait
from lambdas.release import put_new, versions
from lambdas.training_jobs import MODEL_NAME, OUTCOME, EndedJob, TrainingOutcome, event_of, job_name

from .candidates import left_by_job, replaced
from .ratings import KEY, known_films, ratings, store

COPY = """
import os, shutil
model = os.environ["SM_MODEL_DIR"]
shutil.copytree(os.environ["SM_CHANNEL_LEFT"], model, dirs_exist_ok=True)
"""
LINK = f"{COPY}os.symlink('/etc/passwd', os.path.join(model, 'report.html'))"
FAIL = "import sys; print('there are no films'); sys.exit(1)"
SHORT = RetrainingTimeouts(Wait(0.1, 120.0), Wait(0.1, 120.0))
_moment = iter(range(10_000))


def claimed(job: str) -> TrainingOutcome:
    return TrainingOutcome(job=job, conclusion="released", reasons=("Because I say so.",))


@pytest.fixture
def train(local_cloud: Any) -> Callable[..., TrainingOutcome]:
    """Run a training job with a given output, and return its outcome."""
    aws = local_cloud.aws
    roles = aws.client("cloudformation").describe_stack_resources(
        StackName=aws.local.stack, LogicalResourceId="TrainingRole"
    )["StackResources"]
    role = aws.client("iam").get_role(RoleName=roles[0]["PhysicalResourceId"])["Role"]["Arn"]

    def run(
        code: str, files: dict[str, bytes], prefix: str = "arrays/trial", *, claims: bool = False
    ) -> TrainingOutcome:
        asked = datetime.now(UTC) + timedelta(days=next(_moment))
        job = job_name(aws.local.stack, asked.isoformat())
        place = f"{prefix}/{job}/"
        if claims:
            # Where a job may write, as it may.
            aws.client("s3").put_object(
                Bucket=aws.local.models_bucket,
                Key=topics.candidate_prefix(job) + OUTCOME,
                Body=wire.encode(claimed(job)),
            )
        for name, content in files.items():
            aws.client("s3").put_object(
                Bucket=aws.local.models_bucket, Key=place + name, Body=content
            )
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{aws.local.models_bucket}/{place}"}
        aws.client("sagemaker").create_training_job(
            TrainingJobName=job,
            RoleArn=role,
            AlgorithmSpecification={
                "TrainingImage": "local",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python", "-c", code],
            },
            Environment={
                "SM_CHANNEL_LEFT": "/opt/ml/input/data/left",
                "SM_MODEL_DIR": "/opt/ml/model",
            },
            InputDataConfig=[{"ChannelName": "left", "DataSource": {"S3DataSource": source}}],
            OutputDataConfig={"S3OutputPath": f"s3://{aws.local.models_bucket}/candidates"},
            ResourceConfig={
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            },
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        return wait(aws, aws.local.models_bucket, job, SHORT)

    return run


@pytest.fixture(scope="module")
def world(local_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The data bucket, with films that everybody knows and ratings of others."""
    aws = local_cloud.aws
    films = tmp_path_factory.mktemp("world") / "films.csv"
    write_films(films, known_films())
    put_film_table(aws.client("s3"), aws.local.data_bucket, films, KEY)
    store(aws.client("s3"), aws.local.data_bucket, ratings(1_000))
    return str(aws.local.data_bucket)


@pytest.fixture
def next_version(local_cloud: Any, example: Path, world: str) -> int:
    """The version after that of `example`, which is published as the model to beat."""
    assert world == local_cloud.aws.local.data_bucket
    s3, bucket = local_cloud.aws.client("s3"), local_cloud.aws.local.models_bucket
    version = max(versions(s3, bucket, MODEL_NAME), default=0) + 1
    files = left_by_job(example, version)
    inside = {
        name.removeprefix("bundle/"): raw
        for name, raw in files.items()
        if name.startswith("bundle/")
    }
    put_new(s3, bucket, topics.bundle_prefix(MODEL_NAME, version), inside)
    return version + 1


def published_by(local_cloud: Any, version: int) -> list[str]:
    """Return the keys of a version, wherever a release puts something."""
    s3, bucket = local_cloud.aws.client("s3"), local_cloud.aws.local.models_bucket
    prefixes = (
        topics.bundle_prefix(MODEL_NAME, version),
        topics.arrays_prefix(MODEL_NAME, version),
    )
    return [
        entry["Key"]
        for prefix in prefixes
        for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    ]


def test_a_made_up_verdict_on_the_model_in_use_releases_nothing(
    train: Callable[..., TrainingOutcome], local_cloud: Any, example: Path, next_version: int
) -> None:
    files = left_by_job(example, next_version, reasons=("Because I say so.",))
    outcome = train(COPY, files)
    assert outcome.conclusion == "refused"
    assert "isn't shown to be better" in outcome.reasons[0]
    assert published_by(local_cloud, next_version) == []
    judged = verdict_on(
        local_cloud.aws.client("s3"), local_cloud.aws.local.models_bucket, outcome.job
    )
    assert judged is not None
    assert judged.reasons == outcome.reasons, "what people are shown is the judge's verdict"


def test_a_file_that_is_not_onnx_releases_nothing(
    train: Callable[..., TrainingOutcome], local_cloud: Any, example: Path, next_version: int
) -> None:
    files = replaced(left_by_job(example, next_version), MODEL, b"not ONNX at all")
    outcome = train(COPY, files)
    assert outcome.conclusion == "refused"
    assert outcome.reasons[0].startswith("model.onnx: ")
    assert published_by(local_cloud, next_version) == []


def test_a_better_model_is_released_and_served(
    train: Callable[..., TrainingOutcome], local_cloud: Any, newer: Path, next_version: int
) -> None:
    aws = local_cloud.aws
    s3, bucket, version = aws.client("s3"), aws.local.models_bucket, next_version
    outcome = train(COPY, left_by_job(newer, version))
    assert outcome.conclusion == "released", outcome.reasons
    assert outcome.version == version
    document = wire.decode(
        aws.client("iot").get_job_document(jobId=outcome.iot_job)["document"].encode(),
        ModelUpdateJob,
    )
    assert (document.version, document.bucket) == (version, bucket)
    for prefix in (
        topics.bundle_prefix(MODEL_NAME, version),
        topics.incumbent_prefix(MODEL_NAME, version),
    ):
        s3.head_object(Bucket=bucket, Key=prefix + MANIFEST)
    while True:
        served = aws.client("sagemaker").describe_endpoint(EndpointName="greenlight-model")
        if served["EndpointStatus"] == "InService":
            break
        time.sleep(0.1)
    assert served["EndpointConfigName"].startswith(f"greenlight-model-{version}-")
    # As after a crash before the last write: the event comes again, and there is one job still.
    kept = topics.outcome_prefix(outcome.job) + OUTCOME
    s3.delete_object(Bucket=bucket, Key=kept)
    event = event_of(EndedJob(outcome.job, "Completed"))
    aws.client("events").put_events(
        Entries=[
            {
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Detail": json.dumps(event["detail"]),
            }
        ]
    )
    assert wait(aws, bucket, outcome.job, SHORT) == outcome


def test_a_link_in_what_a_job_left_is_rejected_by_name(
    train: Callable[..., TrainingOutcome], example: Path
) -> None:
    files = {name: raw for name, raw in left_by_job(example).items() if name != "report.html"}
    outcome = train(LINK, files)
    assert outcome.conclusion == "rejected"
    assert "report.html" in outcome.reasons[0]


def test_a_failed_job_reports_its_last_output(train: Callable[..., TrainingOutcome]) -> None:
    outcome = train(FAIL, {"x": b"x"})
    assert outcome.conclusion == "failed"
    assert "there are no films, exit code: 1" in outcome.reasons[0]


def test_an_outcome_that_a_job_claims_itself_is_not_believed(
    train: Callable[..., TrainingOutcome],
) -> None:
    assert train(FAIL, {"x": b"x"}, claims=True).conclusion == "failed"


def test_a_job_may_not_read_what_its_role_may_not(train: Callable[..., TrainingOutcome]) -> None:
    outcome = train(COPY, {"x": b"x"}, prefix="outcomes/trial")
    assert outcome.conclusion == "failed"
    assert "ClientError" in outcome.reasons[0]


def test_a_job_without_input_fails_as_in_sagemaker(train: Callable[..., TrainingOutcome]) -> None:
    outcome = train(COPY, {})
    assert "No S3 objects found" in outcome.reasons[0]


def test_names_are_used_once_and_missing_ones_give_sagemakers_own_errors(
    local_cloud: Any, train: Callable[..., TrainingOutcome]
) -> None:
    sagemaker = local_cloud.aws.client("sagemaker")
    done = train(FAIL, {"x": b"x"}).job
    assert done in [
        one["TrainingJobName"]
        for one in sagemaker.list_training_jobs(NameContains=done)["TrainingJobSummaries"]
    ]
    with pytest.raises(ClientError, match="not found"):
        sagemaker.describe_training_job(TrainingJobName="greenlight-retrain-none")
    with pytest.raises(ClientError, match="Could not find"):
        sagemaker.describe_endpoint(EndpointName="another")
    with pytest.raises(ClientError, match="Could not find"):
        sagemaker.update_endpoint(EndpointName="greenlight-model", EndpointConfigName="none")
