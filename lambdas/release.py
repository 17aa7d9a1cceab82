"""A release in AWS: files that never change, and the job that tells devices of them.

Every step may be done again: it finds what it did before and changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from data import limits, topics, wire
from data.checks import refuse_jump
from data.manifest import MANIFEST, PIPELINE
from data.messages import ModelUpdateJob
from lambdas.errors import PublishingFailed

_IN_PROGRESS_MINUTES = 60


@dataclass(frozen=True)
class Release:
    """A signed bundle to be published.

    Attributes:
        files: of the bundle by name, manifest and signature among them.
    """

    name: str
    version: int
    files: Mapping[str, bytes]

    @property
    def manifest_sha256(self) -> str:
        """The SHA-256 of `manifest.json`."""
        return hashlib.sha256(self.files[MANIFEST]).hexdigest()


def put_new(s3: Any, bucket: str, prefix: str, files: Mapping[str, bytes]) -> None:
    """Put the files, each only if it is new; the manifest last, so that it never lacks a file.

    Raises:
        PublishingFailed: one is there with other content.
    """
    for name in sorted(files, key=lambda name: (name == MANIFEST, name)):
        try:
            s3.put_object(
                Bucket=bucket,
                Key=prefix + name,
                Body=files[name],
                IfNoneMatch="*",
                ChecksumAlgorithm="SHA256",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            there = s3.get_object(Bucket=bucket, Key=prefix + name)["Body"].read()
            if there != files[name]:
                raise PublishingFailed(
                    f"{prefix}{name} is there with other content; a version is never changed: "
                    "train again, for the next version"
                ) from error


def put_release(s3: Any, bucket: str, release: Release, pipeline: bytes | None) -> ModelUpdateJob:
    """Put all that a release keeps, and return what devices are to be told of it.

    Args:
        s3: where it is put.
        bucket: of models.
        release: the bundle.
        pipeline: the bytes of its `pipeline.joblib`, if there is one.

    Raises:
        PublishingFailed: this version is there with other content, or too far above the last.
    """
    before = [
        version for version in versions(s3, bucket, release.name) if version < release.version
    ]
    if too_far := refuse_jump(release.version, max(before, default=0)):
        raise PublishingFailed(f"{too_far}; devices would refuse it: train again")
    prefix = topics.bundle_prefix(release.name, release.version)
    beside = topics.incumbent_prefix(release.name, release.version)
    # The bundle first: it decides whether this version is another's.
    put_new(s3, bucket, prefix, release.files)
    put_new(s3, bucket, beside, {**release.files, **({PIPELINE: pipeline} if pipeline else {})})
    return ModelUpdateJob("model-update", release.version, bucket, prefix, release.manifest_sha256)


def versions(s3: Any, bucket: str, name: str) -> list[int]:
    """Return the versions of a model that have been published, or begun to be, in order."""
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
        # What no device takes is nobody's version, whoever put it there.
        if version.isdecimal() and len(version) <= len(str(limits.MAX_MODEL_VERSION))
    )


def roll_out(
    iot: Any, name: str, document: ModelUpdateJob, targets: Sequence[str], stack: str
) -> str:
    """Create the IoT Job and return its id; telling the same again gives the same job.

    Many are told slowly at first, and no further if devices refuse.

    Args:
        iot: AWS IoT.
        name: the models'.
        document: what the devices are told.
        targets: ARNs of things, or of a group of them.
        stack: whose model it is, for whoever looks at the jobs.
    """
    job_id = _job_id(name, document, targets)
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
                        "failureType": "ALL",
                        "action": "CANCEL",
                        "thresholdPercentage": 20.0,
                        "minNumberOfExecutedThings": 5,
                    }
                ]
            },
            timeoutConfig={"inProgressTimeoutInMinutes": _IN_PROGRESS_MINUTES},
        )
    except iot.exceptions.ResourceAlreadyExistsException:
        pass
    return job_id


def _job_id(name: str, document: ModelUpdateJob, targets: Sequence[str]) -> str:
    body = wire.encode(document).decode()
    told = hashlib.sha256(msgspec.json.encode([body, sorted(targets)])).hexdigest()[:8]
    return f"{name}-{document.version}-{told}"
