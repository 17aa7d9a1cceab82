"""From the end of a training job to a release, or to the reason for not releasing. Pure.

Every call may fail and every event may be repeated: each step finds what was done before and
changes nothing, and the outcome is written last. So the next event or the next retraining completes
whatever a crash interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from data.manifest import MANIFEST, SIGNATURE, Manifest
from data.messages import ModelUpdateJob
from lambdas.errors import PublishingFailed
from lambdas.release import Release
from lambdas.release_model.archive import CandidateRejected
from lambdas.release_model.candidate import Candidate, read
from lambdas.training_jobs import EndedJob, TrainingOutcome

_MAX_REASONS, _MAX_REASON = 20, 500


class ReleaseCloud(Protocol):
    """What the function needs of AWS.

    Attributes:
        model_name: of the stack's models.
    """

    model_name: str

    def outcome(self, job: str) -> TrainingOutcome | None:
        """Return a job's outcome, if there is one yet."""

    def archive(self, job: str) -> bytes:
        """Return the `model.tar.gz` that a job wrote.

        Raises:
            CandidateRejected: it is missing, or too large.
        """

    def versions(self) -> Sequence[int]:
        """Return the versions that were published, even if incompletely."""

    def sign(self, manifest: Manifest) -> tuple[bytes, bytes]:
        """Return the bytes of `manifest.json` under the stack's key, and their signature."""

    def keep(self, job: str, reports: Mapping[str, bytes]) -> None:
        """Store verdict and report where people find them, beside the outcome."""

    def put(self, release: Release, arrays: bytes) -> ModelUpdateJob:
        """Publish a release, and return the job document for the devices.

        Raises:
            PublishingFailed: this version exists with different content.
        """

    def serve(self, release: Release, arrays: bytes) -> None:
        """Have the ML endpoint serve this model."""

    def roll_out(self, release: Release, document: ModelUpdateJob) -> str:
        """Create the IoT Job that updates the fleet, and return its id."""

    def write(self, outcome: TrainingOutcome) -> None:
        """Write a job's outcome, which never changes after that."""


def conclude(ended: EndedJob, cloud: ReleaseCloud) -> TrainingOutcome:
    """Release the model of a training job, or say why not.

    Raises:
        Exception: whatever the cloud raises; the event should be retried.
    """
    before = cloud.outcome(ended.job)
    if before is not None:
        return before
    if ended.status == "Completed":
        try:
            outcome = _judge(ended.job, cloud)
        except (CandidateRejected, PublishingFailed) as error:
            outcome = TrainingOutcome(job=ended.job, conclusion="rejected", reasons=(str(error),))
    else:
        reason = f"the training job {ended.status.lower()}: {ended.failure or 'its log says why'}"
        outcome = TrainingOutcome(job=ended.job, conclusion="failed", reasons=(reason,))
    outcome = msgspec.structs.replace(outcome, reasons=_short(outcome.reasons))
    cloud.write(outcome)
    return outcome


def _short(reasons: Sequence[str]) -> tuple[str, ...]:
    """Shorten the reasons to what an outcome has room for; the verdict has them in full."""
    return tuple(reason[:_MAX_REASON] for reason in reasons[:_MAX_REASONS])


def _judge(job: str, cloud: ReleaseCloud) -> TrainingOutcome:
    output = read(cloud.archive(job), cloud.model_name)
    verdict = output.verdict
    if output.candidate is None:
        cloud.keep(job, output.reports)
        return TrainingOutcome(
            job=job,
            conclusion="refused",
            reasons=verdict.reasons,
            version=verdict.candidate.version,
            model_hash=verdict.candidate.model_hash,
        )
    newest = max(cloud.versions(), default=0)
    version = output.candidate.manifest.version
    # Its own version may exist from an interrupted attempt; different content would be noticed.
    if version < newest:
        raise CandidateRejected(
            f"version {version} isn't above {newest}, which was published meanwhile"
        )
    cloud.keep(job, output.reports)
    iot_job = _release(output.candidate, cloud)
    return TrainingOutcome(
        job=job,
        conclusion="released",
        reasons=verdict.reasons,
        version=version,
        model_hash=output.candidate.manifest.model_hash,
        iot_job=iot_job,
    )


def _release(candidate: Candidate, cloud: ReleaseCloud) -> str:
    """Sign, publish, serve and announce, in this order; return the IoT Job's id."""
    raw, signature = cloud.sign(candidate.manifest)
    files = {**candidate.files, SIGNATURE: signature, MANIFEST: raw}
    release = Release(candidate.manifest.name, candidate.manifest.version, files)
    document = cloud.put(release, candidate.arrays)
    # Before the rollout: devices verify a new model as soon as they have it.
    cloud.serve(release, candidate.arrays)
    return cloud.roll_out(release, document)
