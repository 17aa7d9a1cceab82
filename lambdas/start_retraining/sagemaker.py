"""The AWS services that start_retraining uses: S3, SageMaker and release_model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from data import topics
from data.held_out import ALL_TRAIN
from data.manifest import MANIFEST
from lambdas.release import versions
from lambdas.start_retraining.start import NotConcluded, TrainingRequest
from lambdas.training_jobs import MODEL_NAME, OUTCOME, EndedJob, event_of, prefix_of

# With weekly jobs, this looks back more than a quarter of a year.
_NEWEST = 20
_VOLUME_GB = 10
_MAX_SECONDS = 3600
COMMAND = ("python", "-m", "training", "retrain", "--as-job")
# Where SageMaker puts a container's data. Only its own images get these folders in the environment,
# so they are set here.
_ML = "/opt/ml"


@dataclass(frozen=True)
class TrainingSettings:
    """The stack's names; see template.yaml."""

    stack: str
    data_bucket: str
    models_bucket: str
    image: str
    instance: str
    role_arn: str
    release_model: str
    model_name: str = MODEL_NAME


class AwsTraining:
    """AWS, or the local cloud instead."""

    def __init__(self, s3: Any, sagemaker: Any, functions: Any, settings: TrainingSettings) -> None:
        self._s3 = s3
        self._sagemaker = sagemaker
        self._functions = functions
        self._settings = settings

    def jobs(self) -> Sequence[EndedJob]:
        """Return the stack's newest training jobs."""
        found = self._sagemaker.list_training_jobs(
            NameContains=prefix_of(self._settings.stack),
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=_NEWEST,
        )["TrainingJobSummaries"]
        return [EndedJob(one["TrainingJobName"], one["TrainingJobStatus"]) for one in found]

    def is_concluded(self, job: str) -> bool:
        """Return whether there is an outcome."""
        return self._has(self._settings.models_bucket, topics.outcome_prefix(job) + OUTCOME)

    def conclude(self, ended: EndedJob) -> None:
        """Call release_model with the event that it missed.

        Raises:
            NotConcluded: it still fails for this job.
        """
        answer = self._functions.invoke(
            FunctionName=self._settings.release_model, Payload=json.dumps(event_of(ended)).encode()
        )
        if "FunctionError" in answer:
            error = answer["Payload"].read(2000).decode("utf-8", "replace")
            raise NotConcluded(f"release_model fails for {ended.job}: {error}")

    def versions(self) -> Sequence[int]:
        """Return the versions that were published, even if incompletely."""
        return versions(self._s3, self._settings.models_bucket, self._settings.model_name)

    def is_whole(self, version: int) -> bool:
        """Return whether a version's bundle is complete."""
        return self._incumbent(version) is not None

    def _incumbent(self, version: int) -> str | None:
        """Return the prefix with a version's bundle, and with its arrays where they were kept."""
        name, bucket = self._settings.model_name, self._settings.models_bucket
        places = (topics.incumbent_prefix(name, version), topics.bundle_prefix(name, version))
        # A manifest is put last.
        return next((place for place in places if self._has(bucket, place + MANIFEST)), None)

    def has_film_table(self) -> bool:
        """Return whether the data bucket has a film table."""
        return self._has(self._settings.data_bucket, topics.FILM_TABLE_PREFIX)

    def has_feedback(self) -> bool:
        """Return whether the data bucket has a rating that trains."""
        return self._has(self._settings.data_bucket, topics.FEEDBACK_PREFIX)

    def ratings(self) -> tuple[int, int]:
        """Return how many ratings are held out, and how many there are in all, as objects."""
        bucket = self._settings.data_bucket
        held_out = self._count(bucket, topics.HELD_OUT_PREFIX)
        return held_out, held_out + self._count(bucket, topics.FEEDBACK_PREFIX)

    def train(self, request: TrainingRequest) -> None:
        """Start the training job, unless one of this name exists."""
        name = self._settings.model_name
        incumbent = self._incumbent(request.incumbent) or topics.bundle_prefix(
            name, request.incumbent
        )
        asked = request_of(request, self._settings, incumbent)
        try:
            self._sagemaker.create_training_job(**asked)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUse":
                raise

    def _count(self, bucket: str, prefix: str) -> int:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return sum(page.get("KeyCount", 0) for page in pages)

    def _has(self, bucket: str, prefix: str) -> bool:
        found = self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        return bool(found.get("KeyCount"))


def request_of(
    request: TrainingRequest, settings: TrainingSettings, incumbent: str
) -> dict[str, Any]:
    """Return the request to SageMaker, with the prefix of the model to beat."""
    channels = {
        "films": f"s3://{settings.data_bucket}/{topics.FILM_TABLE_PREFIX}",
        "feedback": f"s3://{settings.data_bucket}/{topics.FEEDBACK_PREFIX}",
        "incumbent": f"s3://{settings.models_bucket}/{incumbent}",
    }
    return {
        "TrainingJobName": request.job,
        "RoleArn": settings.role_arn,
        "AlgorithmSpecification": {
            "TrainingImage": settings.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": list(COMMAND),
            "ContainerArguments": ["--version", str(request.version)],
        },
        "Environment": {
            **{f"SM_CHANNEL_{name.upper()}": f"{_ML}/input/data/{name}" for name in channels},
            "SM_MODEL_DIR": f"{_ML}/model",
            "SM_OUTPUT_DATA_DIR": f"{_ML}/output/data",
            "OMP_NUM_THREADS": "1",
            # Those held out are under a prefix that the job's role cannot read.
            ALL_TRAIN: "1",
        },
        "InputDataConfig": [
            {
                "ChannelName": name,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": uri,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
            for name, uri in channels.items()
        ],
        "OutputDataConfig": {
            "S3OutputPath": f"s3://{settings.models_bucket}/{topics.CANDIDATES.rstrip('/')}"
        },
        "ResourceConfig": {
            "InstanceType": settings.instance,
            "InstanceCount": 1,
            "VolumeSizeInGB": _VOLUME_GB,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": _MAX_SECONDS},
    }
