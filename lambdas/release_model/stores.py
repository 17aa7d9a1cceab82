"""The AWS services that release_model uses: S3, KMS, SageMaker and AWS IoT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from data import topics, wire
from data.errors import InvalidRecord
from data.manifest import Manifest
from data.messages import ModelUpdateJob
from lambdas.kms_key import KmsKey
from lambdas.release import Release, put_new, put_release, roll_out, versions
from lambdas.release_model.archive import CandidateRejected
from lambdas.release_model.candidate import MAX_ARCHIVE_BYTES
from lambdas.serving import Serving, serve
from lambdas.training_jobs import MODEL_NAME, OUTCOME, TrainingOutcome


class AwsRelease:
    """AWS, or the local cloud instead.

    Args:
        clients: the boto3 clients `s3`, `sagemaker` and `iot`.
        key: the stack's signing key.
        serving: how the stack serves its models.
        stack: the stack's name.
        bucket: the models bucket.
        fleet_arn: the thing group of all devices.
        model_name: of the stack's models.
    """

    def __init__(
        self,
        clients: Mapping[str, Any],
        key: KmsKey,
        serving: Serving,
        *,
        stack: str,
        bucket: str,
        fleet_arn: str,
        model_name: str = MODEL_NAME,
    ) -> None:
        self._s3, self._sagemaker, self._iot = (
            clients[name] for name in ("s3", "sagemaker", "iot")
        )
        self._key = key
        self._serving = serving
        self._stack = stack
        self._bucket = bucket
        self._fleet_arn = fleet_arn
        self.model_name = model_name

    def outcome(self, job: str) -> TrainingOutcome | None:
        """Return a job's outcome, or None if it is missing or unreadable."""
        try:
            return wire.decode(self._get(topics.outcome_prefix(job) + OUTCOME), TrainingOutcome)
        except (CandidateRejected, InvalidRecord):
            return None

    def archive(self, job: str) -> bytes:
        """Return the `model.tar.gz` that a job wrote."""
        return self._get(topics.candidate_object(job))

    def _get(self, key: str) -> bytes:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=key)
        except self._s3.exceptions.NoSuchKey as error:
            raise CandidateRejected(f"{key}: is missing") from error
        if found["ContentLength"] > MAX_ARCHIVE_BYTES:
            raise CandidateRejected(
                f"{key}: has {found['ContentLength']} bytes; {MAX_ARCHIVE_BYTES} are allowed"
            )
        content: bytes = found["Body"].read()
        return content

    def versions(self) -> Sequence[int]:
        """Return the versions that were published, even if incompletely."""
        return versions(self._s3, self._bucket, self.model_name)

    def sign(self, manifest: Manifest) -> tuple[bytes, bytes]:
        """Return the bytes of `manifest.json` under the stack's key, and their signature."""
        return self._key.sign_manifest(manifest)

    def keep(self, job: str, reports: Mapping[str, bytes]) -> None:
        """Store verdict and report where no training job can write."""
        put_new(self._s3, self._bucket, topics.outcome_prefix(job), reports)

    def put(self, release: Release, arrays: bytes) -> ModelUpdateJob:
        """Publish a release, and return the job document for the devices."""
        return put_release(self._s3, self._bucket, release, arrays)

    def serve(self, release: Release, arrays: bytes) -> None:
        """Have the ML endpoint serve this model."""
        named = (release.name, release.version)
        serve(self._s3, self._sagemaker, self._serving, self._bucket, named, arrays)

    def roll_out(self, release: Release, document: ModelUpdateJob) -> str:
        """Create the IoT Job that updates the fleet, and return its id."""
        return roll_out(self._iot, release.name, document, [self._fleet_arn], self._stack)

    def write(self, outcome: TrainingOutcome) -> None:
        """Write a job's outcome, unless there is one."""
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=topics.outcome_prefix(outcome.job) + OUTCOME,
                Body=wire.encode(outcome),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
