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
# What stops a rollout. Devices that take too long don't: most of them are switched off.
_STOP_AT = ("FAILED", "REJECTED")


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
    """An IoT Job: its id, and whether it was created just now."""

    job: str
    is_new: bool


def roll_out(
    iot: Any,
    name: str,
    document: ModelUpdateJob,
    targets: Sequence[str],
    stack: str,
    number: int = 1,
) -> Rollout:
    """Create the IoT Job, unless it exists; the same arguments give the same job.

    The rollout starts slowly, and stops if devices fail.

    Args:
        iot: the AWS IoT client.
        name: the models' name.
        document: the job document.
        targets: ARNs of things, or of a thing group.
        stack: the stack's name, for the job's description.
        number: which attempt to reach these targets this is, from 1.
    """
    job_id = _job_id(name, document, targets) + (f"-{number}" if number > 1 else "")
    try:
        iot.create_job(
            jobId=job_id,
            targets=list(targets),
            document=wire.encode(document).decode(),
            description=f"model {name} version {document.version} of {stack}",
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
                        "thresholdPercentage": 20.0,
                        "minNumberOfExecutedThings": 5,
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
        return Rollout(job_id, is_new=False)
    return Rollout(job_id, is_new=True)


def _job_id(name: str, document: ModelUpdateJob, targets: Sequence[str]) -> str:
    body = wire.encode(document).decode()
    digest = hashlib.sha256(msgspec.json.encode([body, sorted(targets)])).hexdigest()[:8]
    return f"{name}-{document.version}-{digest}"
