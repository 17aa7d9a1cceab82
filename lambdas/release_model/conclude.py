"""From the end of a training job to a release, or to the reason for not releasing. Pure.

Every call may fail and every event may be repeated: each step finds what was done before and
changes nothing, and the outcome is written last. So the next event or the next retraining completes
whatever a crash interrupted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from data.manifest import MANIFEST, SIGNATURE, Manifest
from data.messages import ModelUpdateJob
from data.verdict import Judgement, ModelIdentity, Verdict
from lambdas.candidate import Candidate, read
from lambdas.errors import CandidateRejected, EndpointBusy, EndpointRefused, PublishingFailed
from lambdas.release import Release
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

    def judgement(self, job: str) -> Judgement:
        """Return the judge's verdict on a job's output; ask the judge if there is none yet.

        Raises:
            CandidateRejected: the judge finds nothing that it could judge.
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
        """Have the ML endpoint serve this model.

        Raises:
            EndpointBusy: it is changing; the event should be retried.
            EndpointRefused: SageMaker refuses; a retry wouldn't help.
        """

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
    archive = cloud.archive(job)
    output = read(archive, cloud.model_name)
    candidate = output.candidate
    if candidate is None:
        # The job's own verdict only ever refuses: the process that made the candidate wrote it.
        cloud.keep(job, output.reports)
        return _outcome(job, output.verdict)
    newest = max(cloud.versions(), default=0)
    version = candidate.manifest.version
    # Its own version may exist from an interrupted attempt; different content would be noticed.
    if version < newest:
        raise CandidateRejected(
            f"version {version} isn't above {newest}, which was published meanwhile"
        )
    judged = cloud.judgement(job)
    _check_judged(judged, job, archive, candidate.manifest)
    cloud.keep(job, output.reports)
    if not judged.verdict.released:
        return _outcome(job, judged.verdict)
    iot_job, note = _release(candidate, judged, cloud)
    return _outcome(job, judged.verdict, iot_job, note)


def _check_judged(judged: Judgement, job: str, archive: bytes, manifest: Manifest) -> None:
    """Raise CandidateRejected unless exactly this output was judged."""
    model = ModelIdentity(manifest.version, manifest.model_hash)
    found = (judged.job, judged.archive_sha256, judged.verdict.name, judged.verdict.candidate)
    if found != (job, hashlib.sha256(archive).hexdigest(), manifest.name, model):
        raise CandidateRejected(
            "model.tar.gz: the judge's verdict is about another output; the job's was replaced "
            "after it had been judged"
        )


def _with_judgement(manifest: Manifest, judged: Judgement) -> Manifest:
    """Return the manifest with what the judge says of it, whatever the job wrote there."""
    provenance = msgspec.structs.replace(
        manifest.origin,
        job=judged.job,
        parent=judged.verdict.incumbent.model_hash,
        judgement=judged.sha256,
    )
    return msgspec.structs.replace(manifest, provenance=provenance)


def _outcome(
    job: str, verdict: Verdict, iot_job: str | None = None, note: str | None = None
) -> TrainingOutcome:
    return TrainingOutcome(
        job=job,
        conclusion="released" if verdict.released else "refused",
        reasons=(*verdict.reasons, *filter(None, [note])),
        version=verdict.candidate.version,
        model_hash=verdict.candidate.model_hash,
        iot_job=iot_job,
    )


def _release(
    candidate: Candidate, judged: Judgement, cloud: ReleaseCloud
) -> tuple[str, str | None]:
    """Sign, publish, serve and announce, in this order.

    The endpoint only verifies: whatever is wrong with it, the devices get their model.

    Returns:
        The IoT Job's id; and why the endpoint doesn't serve the model, if SageMaker refuses.

    Raises:
        EndpointBusy: everything else is done; the event's retry has the endpoint serve the model.
    """
    raw, signature = cloud.sign(_with_judgement(candidate.manifest, judged))
    files = {**candidate.files, SIGNATURE: signature, MANIFEST: raw}
    release = Release(candidate.manifest.name, candidate.manifest.version, files)
    document = cloud.put(release, candidate.arrays)
    # Before the rollout: devices verify a new model as soon as they have it.
    busy, note = None, None
    try:
        cloud.serve(release, candidate.arrays)
    except EndpointBusy as error:
        busy = error
    except EndpointRefused as error:
        note = f"{error}."
    iot_job = cloud.roll_out(release, document)
    if busy is not None:
        raise busy
    return iot_job, note
