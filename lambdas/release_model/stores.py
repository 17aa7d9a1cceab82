"""The AWS services that release_model uses: S3, KMS, SageMaker, AWS IoT, and judge_model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from data import topics, wire
from data.errors import InvalidRecord
from data.manifest import Manifest
from data.messages import ModelUpdateJob
from data.verdict import MAX_VERDICT_BYTES, VERDICT, Judgement
from lambdas.candidate import MAX_ARCHIVE_BYTES
from lambdas.errors import CandidateRejected
from lambdas.kms_key import KmsKey
from lambdas.release import Release, put_new, put_release, roll_out, versions
from lambdas.s3_objects import put_new_object, read_object
from lambdas.serving import Serving, serve
from lambdas.training_jobs import MODEL_NAME, OUTCOME, TrainingOutcome


class JudgingFailed(Exception):
    """judge_model failed; its own alarm reports that."""


class AwsRelease:
    """AWS, or the local cloud instead.

    Args:
        clients: the boto3 clients `s3`, `sagemaker`, `iot` and `lambda`.
        key: the stack's signing key.
        serving: how the stack serves its models.
        stack: the stack's name.
        bucket: the models bucket.
        fleet_arn: the thing group of all devices.
        judge: the name of the function judge_model.
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
        judge: str,
        model_name: str = MODEL_NAME,
    ) -> None:
        self._s3, self._sagemaker, self._iot, self._functions = (
            clients[name] for name in ("s3", "sagemaker", "iot", "lambda")
        )
        self._judge = judge
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

    def judgement(self, job: str) -> Judgement:
        """Return the judge's verdict on a job's output; ask the judge if there is none yet.

        Only what is in S3 counts, where no other function can write.

        Raises:
            CandidateRejected: the judge finds nothing that it could judge.
            JudgingFailed: it fails; the event should be retried.
        """
        key = topics.judged_prefix(job) + VERDICT
        try:
            raw = self._get(key)
        except CandidateRejected:
            self._ask_judge(job)
            raw = self._get(key)
        return wire.decode(raw, Judgement, MAX_VERDICT_BYTES)

    def _ask_judge(self, job: str) -> None:
        answer = self._functions.invoke(
            FunctionName=self._judge, Payload=json.dumps({"job": job}).encode()
        )
        reply = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or not isinstance(reply, dict):
            raise JudgingFailed(f"judge_model fails for {job}: {str(reply)[:500]}")
        if "rejected" in reply:
            raise CandidateRejected(str(reply["rejected"]))

    def _get(self, key: str) -> bytes:
        content = read_object(self._s3, self._bucket, key, MAX_ARCHIVE_BYTES)
        if content is None:
            raise CandidateRejected(f"{key}: is missing")
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
        targets = [self._fleet_arn]
        return roll_out(self._iot, release.name, document, targets, self._stack).job

    def write(self, outcome: TrainingOutcome) -> None:
        """Write a job's outcome, unless there is one."""
        key = topics.outcome_prefix(outcome.job) + OUTCOME
        content = wire.encode(outcome)
        put_new_object(self._s3, self._bucket, key, content, ContentType="application/json")
