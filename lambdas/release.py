"""A release in AWS: files that never change, and the IoT Job that rolls them out to devices.

Every step can safely be repeated: it finds what was done before and changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from data import limits, topics, wire
from data.checks import refuse_jump
from data.manifest import ARRAYS, MANIFEST
from data.messages import ModelUpdateJob
from lambdas.errors import PublishingFailed
from lambdas.s3_objects import put_new_object

_IN_PROGRESS_MINUTES = 60
# A device that was switched off in the middle of an update tries again, as often as AWS allows.
_RETRIES = 10
# A rollout stops when this share of at least so many devices fails or rejects a model. Devices that
# take too long don't count: most are switched off.
_STOP_PERCENTAGE, _STOP_AT_LEAST = 20.0, 5
_STOP_AT = ("FAILED", "REJECTED")
# In the counts of a job, those of devices that don't have its model.
_WITHOUT = tuple(f"numberOf{how}Things" for how in ("Failed", "Rejected", "TimedOut", "Canceled"))
_MOST_ROLLOUTS = 20


@dataclass(frozen=True)
class Release:
    """A signed bundle to publish.

    Attributes:
        files: the bundle's files by name, including manifest and signature.
    """

    name: str
    version: int
    files: Mapping[str, bytes]

    @property
    def manifest_sha256(self) -> str:
        """The SHA-256 of `manifest.json`."""
        return hashlib.sha256(self.files[MANIFEST]).hexdigest()


def put_new(s3: Any, bucket: str, prefix: str, files: Mapping[str, bytes]) -> None:
    """Put those files that don't exist yet; the manifest last, so its files are always complete.

    Raises:
        PublishingFailed: a file exists with different content.
    """
    for name in sorted(files, key=lambda name: (name == MANIFEST, name)):
        key, content = prefix + name, files[name]
        if put_new_object(s3, bucket, key, content, ChecksumAlgorithm="SHA256"):
            continue
        if s3.get_object(Bucket=bucket, Key=key)["Body"].read() != content:
            raise PublishingFailed(
                f"{key} already exists with different content, and a published version never "
                "changes: train again under the next version"
            )


def put_release(s3: Any, bucket: str, release: Release, arrays: bytes | None) -> ModelUpdateJob:
    """Put everything a release keeps, and return the job document for the devices.

    Args:
        s3: the S3 client.
        bucket: the models bucket.
        release: the bundle.
        arrays: the bytes of its `arrays.npz`, if there is one.

    Raises:
        PublishingFailed: this version exists with different content, or is too high.
    """
    before = [
        version for version in versions(s3, bucket, release.name) if version < release.version
    ]
    if too_far := refuse_jump(release.version, max(before, default=0)):
        raise PublishingFailed(f"{too_far}; devices would refuse it: train again")
    prefix = topics.bundle_prefix(release.name, release.version)
    beside = topics.incumbent_prefix(release.name, release.version)
    # The bundle first: it shows whether this version is already taken.
    put_new(s3, bucket, prefix, release.files)
    put_new(s3, bucket, beside, {**release.files, **({ARRAYS: arrays} if arrays else {})})
    return ModelUpdateJob("model-update", release.version, bucket, prefix, release.manifest_sha256)


def versions(s3: Any, bucket: str, name: str) -> list[int]:
    """Return a model's versions that were published, even if incompletely, in order."""
    root = topics.bundle_prefix(name, 0).removesuffix("0/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=root, Delimiter="/")
    found = [
        entry["Prefix"].removeprefix(root).rstrip("/")
        for page in pages
        for entry in page.get("CommonPrefixes", [])
    ]
    return sorted(
        int(version)
        for version in found
        # No device accepts a version outside the limit, so it doesn't count.
        if version.isdecimal() and len(version) <= len(str(limits.MAX_MODEL_VERSION))
    )


class Rollout(NamedTuple):
    """An IoT Job: its id, and its status if it existed before."""

    job: str
    status: str | None


def roll_out(
    iot: Any,
    name: str,
    document: ModelUpdateJob,
    targets: Sequence[str],
    stack: str,
    *,
    again: bool = False,
) -> Rollout:
    """Create the IoT Job; the same arguments give the same job.

    The rollout starts slowly, and stops if devices fail.

    Args:
        iot: the AWS IoT client.
        name: the models' name.
        document: the job document.
        targets: ARNs of things, or of a thing group.
        stack: the stack's name, for the job's description.
        again: if the job has ended and left devices without the model, create the next one. It has
            the same targets: a device that has the model says so at once.

    Raises:
        PublishingFailed: it has ended that way too often.
    """
    first = _job_id(name, document, targets)
    description = f"model {name} version {document.version} of {stack}"
    for number in range(1, _MOST_ROLLOUTS + 1):
        job_id = first if number == 1 else f"{first}-{number}"
        if _created(iot, job_id, document, targets, description):
            return Rollout(job_id, None)
        there = iot.describe_job(jobId=job_id)["job"]
        counts = there.get("jobProcessDetails", {})
        left = sum(counts.get(count, 0) for count in _WITHOUT)
        has_ended = there["status"] not in ("SCHEDULED", "IN_PROGRESS")
        has_all = there["status"] == "COMPLETED" and not left
        if not again or not has_ended or has_all:
            return Rollout(job_id, there["status"])
    raise PublishingFailed(
        f"{_MOST_ROLLOUTS} rollouts of {description} have ended without reaching every device; "
        "find out why devices fail, and train again"
    )


def _created(
    iot: Any, job_id: str, document: ModelUpdateJob, targets: Sequence[str], description: str
) -> bool:
    """Create the IoT Job, and return whether there was none of this id."""
    try:
        iot.create_job(
            jobId=job_id,
            targets=list(targets),
            document=wire.encode(document).decode(),
            description=description,
            targetSelection="SNAPSHOT",
            jobExecutionsRolloutConfig={
                "exponentialRate": {
                    "baseRatePerMinute": 5,
                    "incrementFactor": 2.0,
                    "rateIncreaseCriteria": {"numberOfSucceededThings": 5},
                },
                "maximumPerMinute": 50,
            },
            abortConfig={
                "criteriaList": [
                    {
                        "failureType": failure,
                        "action": "CANCEL",
                        "thresholdPercentage": _STOP_PERCENTAGE,
                        "minNumberOfExecutedThings": _STOP_AT_LEAST,
                    }
                    for failure in _STOP_AT
                ]
            },
            timeoutConfig={"inProgressTimeoutInMinutes": _IN_PROGRESS_MINUTES},
            jobExecutionsRetryConfig={
                "criteriaList": [{"failureType": "TIMED_OUT", "numberOfRetries": _RETRIES}]
            },
        )
    except iot.exceptions.ResourceAlreadyExistsException:
        return False
    return True


def _job_id(name: str, document: ModelUpdateJob, targets: Sequence[str]) -> str:
    body = wire.encode(document).decode()
    digest = hashlib.sha256(msgspec.json.encode([body, sorted(targets)])).hexdigest()[:8]
    return f"{name}-{document.version}-{digest}"
