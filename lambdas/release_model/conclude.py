"""From a training job's end to a release, or to the reason why there is none. Pure.

Every call may fail and every event may come again: each step finds what it did before and changes
nothing, and the outcome is written last. So whatever a crash left out is made up for by the next
event, or by the next retraining.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from data.manifest import MANIFEST, SIGNATURE, Manifest
from data.messages import ModelUpdateJob
from lambdas.errors import PublishingFailed
from lambdas.release import Release
from lambdas.release_model.candidate import Candidate, CandidateRejected, read
from lambdas.training_jobs import EndedJob, TrainingOutcome

_MAX_REASONS, _MAX_REASON = 20, 500


class ReleaseCloud(Protocol):
    """What the function sees of AWS."""

    def outcome(self, job: str) -> TrainingOutcome | None:
        """Return what became of a job, if that is known already."""

    def archive(self, job: str) -> bytes:
        """Return the `model.tar.gz` that a job wrote.

        Raises:
            CandidateRejected: there is none, or it is too large to be one.
        """

    def versions(self) -> Sequence[int]:
        """Return the versions that are published, or begun to be."""

    def sign(self, manifest: Manifest) -> tuple[bytes, bytes]:
        """Return the bytes of `manifest.json` under the stack's key, and their signature."""

    def keep(self, job: str, reports: Mapping[str, bytes]) -> None:
        """Put verdict and report where people find them."""

    def put(self, release: Release, pipeline: bytes) -> ModelUpdateJob:
        """Publish a release, and return the job document for the devices.

        Raises:
            PublishingFailed: this version is there with other content.
        """

    def serve(self, release: Release, pipeline: bytes) -> None:
        """Order the ML endpoint to serve this pipeline."""

    def roll_out(self, release: Release, document: ModelUpdateJob) -> str:
        """Create the IoT Job that updates the fleet, and return its id."""

    def write(self, outcome: TrainingOutcome) -> None:
        """Write what became of a job; nobody changes that any more."""


def conclude(ended: EndedJob, cloud: ReleaseCloud) -> TrainingOutcome:
    """Release what a training job has made, or say why not.

    Raises:
        Exception: whatever the cloud raises; the event is to be handed in again.
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
        said = f"the training job {ended.status.lower()}: {ended.failure or 'its log says why'}"
        outcome = TrainingOutcome(job=ended.job, conclusion="failed", reasons=(said,))
    outcome = msgspec.structs.replace(outcome, reasons=_short(outcome.reasons))
    cloud.write(outcome)
    return outcome


def _short(reasons: Sequence[str]) -> tuple[str, ...]:
    """Return what an outcome has room for; the verdict beside it has all of it."""
    return tuple(reason[:_MAX_REASON] for reason in reasons[:_MAX_REASONS])


def _judge(job: str, cloud: ReleaseCloud) -> TrainingOutcome:
    output = read(cloud.archive(job))
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
    # Its own version may be there, from a try that broke off; another's would be seen by content.
    if version < newest:
        raise CandidateRejected(f"version {version} is not greater than {newest}, published since")
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
    document = cloud.put(release, candidate.pipeline)
    # Before the devices hear of it: they verify a new model as soon as they have it.
    cloud.serve(release, candidate.pipeline)
    return cloud.roll_out(release, document)
