"""Switches the ML endpoint to a release: SageMaker then serves its scikit-learn model.

The model that was served before goes along: until a rollout ends, devices run either, and each
verifies the one it runs.

The endpoint belongs to the releases, not to the template: a stack has no endpoint before its first
release, and deploying the stack again never returns it to an older one. Every step can safely be
repeated.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from data import limits, topics
from data.manifest import ARRAYS, ARRAYS_BEFORE
from lambdas.archive import unpack
from lambdas.errors import CandidateRejected, EndpointBusy, EndpointRefused
from lambdas.s3_objects import put_new_object, read_object

ARCHIVE = "model.tar.gz"
VARIANT = "release"
# An endpoint in one of these states can't be updated.
CHANGING = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")
# One in this state can only be deleted, says SageMaker's DescribeEndpoint of EndpointStatus.
_FAILED = "Failed"
_MAX_CONCURRENCY = 5
# Of two models' arrays, which gzip makes no larger than this.
_MOST_ARCHIVE_BYTES = 2 * limits.MAX_ARRAYS_BYTES + 1024 * 1024
_SERVER_ERROR = 500
# How SageMaker's messages begin for what doesn't exist, and for what already does.
_ABSENT, _PRESENT = "Could not find", "Cannot create already existing"


@dataclass(frozen=True)
class Serving:
    """How a stack serves its models.

    Attributes:
        endpoint: the endpoint's name; empty if the stack has none.
        image: the image with the serving code, in ECR.
        role_arn: the role that SageMaker reads the arrays with.
    """

    endpoint: str
    image: str
    role_arn: str
    memory_mb: int


def serving_of(outputs: dict[str, str]) -> Serving:
    """Return how this stack serves its models; see template.yaml."""
    return Serving(
        outputs["EndpointName"],
        outputs["EndpointImage"],
        outputs["EndpointRoleArn"],
        int(outputs["EndpointMemoryMB"]),
    )


def archive_of(arrays: bytes, before: bytes | None = None) -> bytes:
    """Return arrays as a SageMaker model archive; with the same zlib, always the same bytes.

    Args:
        arrays: the bytes of `arrays.npz`.
        before: those of the model that was served before, if any.
    """
    files = {ARRAYS: arrays} if before is None else {ARRAYS: arrays, ARRAYS_BEFORE: before}
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w") as archive,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def serve(
    s3: Any,
    sagemaker: Any,
    serving: Serving,
    bucket: str,
    release: tuple[str, int],
    arrays: bytes,
) -> str:
    """Have the endpoint serve a release's arrays, and return the model's name in SageMaker.

    It keeps serving the previous model until the new one answers, which takes minutes on AWS.

    Args:
        s3: the S3 client.
        sagemaker: the SageMaker client.
        serving: how this stack serves; without an endpoint the arrays are only uploaded.
        bucket: the models bucket.
        release: name and version.
        arrays: the bytes of `arrays.npz`.

    Raises:
        EndpointBusy: the endpoint is changing, or SageMaker doesn't answer; repeat this later.
        EndpointRefused: SageMaker refuses.
    """
    name, version = release
    # By content: arrays that can't be served must not block a good one of the same release.
    sha = hashlib.sha256(arrays).hexdigest()[:8]
    key, model = _key_of(release, sha), f"{serving.endpoint}-{version}-{sha}"
    before = None
    if serving.endpoint:
        with _refusals(serving.endpoint):
            there = found(sagemaker, serving.endpoint)
        served = there["EndpointConfigName"] if there else ""
        if served != model:
            before = _arrays_of(s3, bucket, name, served.removeprefix(f"{serving.endpoint}-"))
    packed = archive_of(arrays, before)
    # The key names the arrays. How they're compressed depends on zlib, so that isn't compared.
    put_new_object(s3, bucket, key, packed, ChecksumAlgorithm="SHA256")
    if serving.endpoint:
        with _refusals(serving.endpoint):
            _make(sagemaker, serving, model, f"s3://{bucket}/{key}")
    return model


def _key_of(release: tuple[str, int], sha: str) -> str:
    return f"{topics.arrays_prefix(*release)}{sha}/{ARCHIVE}"


def _arrays_of(s3: Any, bucket: str, name: str, served: str) -> bytes | None:
    """Return the arrays of a model that is served, or None if they aren't where they should be.

    Args:
        s3: the S3 client.
        bucket: the models bucket.
        name: the model's.
        served: version and hash, as `serve` names a model after the endpoint.
    """
    version, _, sha = served.partition("-")
    if not re.fullmatch(r"[1-9]\d*-[0-9a-f]{8}", served):
        return None
    try:
        packed = read_object(s3, bucket, _key_of((name, int(version)), sha), _MOST_ARCHIVE_BYTES)
        most = {ARRAYS: limits.MAX_ARRAYS_BYTES}
        return None if packed is None else unpack(packed, most.get).get(ARRAYS)
    except CandidateRejected:
        return None


@contextmanager
def _refusals(endpoint: str) -> Iterator[None]:
    """Say of SageMaker's refusals whether to repeat the call later."""
    try:
        yield
    except BotoCoreError as error:
        raise EndpointBusy(f"SageMaker doesn't answer: {error}") from error
    except ClientError as error:
        if _will_pass(error):
            raise EndpointBusy(f"SageMaker doesn't do it now: {error}") from error
        raise EndpointRefused(
            f"the ML endpoint {endpoint} doesn't serve this model: {error}"
        ) from error


def _will_pass(error: ClientError) -> bool:
    """Return whether SageMaker refuses only for the moment."""
    refused = error.response["Error"]
    return (
        error.response["ResponseMetadata"]["HTTPStatusCode"] >= _SERVER_ERROR
        or refused["Code"] in ("Throttling", "ThrottlingException")
        or "in-progress" in refused["Message"]
    )


def _make(sagemaker: Any, serving: Serving, model: str, url: str) -> None:
    _unless(
        _PRESENT,
        lambda: sagemaker.create_model(
            ModelName=model,
            ExecutionRoleArn=serving.role_arn,
            PrimaryContainer={"Image": serving.image, "ModelDataUrl": url},
        ),
    )
    variant = {
        "VariantName": VARIANT,
        "ModelName": model,
        "ServerlessConfig": {
            "MemorySizeInMB": serving.memory_mb,
            "MaxConcurrency": _MAX_CONCURRENCY,
        },
    }
    _unless(
        _PRESENT,
        lambda: sagemaker.create_endpoint_config(
            EndpointConfigName=model, ProductionVariants=[variant]
        ),
    )
    there = found(sagemaker, serving.endpoint)
    if there is not None and there["EndpointStatus"] == _FAILED:
        sagemaker.delete_endpoint(EndpointName=serving.endpoint)
        there = found(sagemaker, serving.endpoint)
    named = {"EndpointName": serving.endpoint, "EndpointConfigName": model}
    if there is None:
        sagemaker.create_endpoint(**named)
    elif _wanted_of(there) == model:
        pass
    elif there["EndpointStatus"] in CHANGING:
        raise EndpointBusy(
            f"the ML endpoint {serving.endpoint} is {there['EndpointStatus']}; it can serve this "
            "model once that is over"
        )
    else:
        sagemaker.update_endpoint(**named)


def _wanted_of(there: dict[str, Any]) -> str | None:
    """Return the configuration that an endpoint has, or will have when its update ends."""
    if there["EndpointStatus"] == "Deleting":
        return None
    pending = there.get("PendingDeploymentSummary") or there
    config: str = pending["EndpointConfigName"]
    return config


def found(sagemaker: Any, endpoint: str) -> dict[str, Any] | None:
    """Return SageMaker's description of an endpoint, or None if it doesn't exist."""
    answer: dict[str, Any] | None = _unless(
        _ABSENT, lambda: sagemaker.describe_endpoint(EndpointName=endpoint)
    )
    return answer


def _unless(refusal: str, call: Callable[[], Any]) -> Any:
    """Call SageMaker; return None if it refuses with this message (it has no error code for it)."""
    try:
        return call()
    except ClientError as error:
        if refusal not in error.response["Error"]["Message"]:
            raise
        return None


def remove(sagemaker: Any, endpoint: str) -> None:
    """Delete an endpoint, its configurations and its models, whatever of them exists."""
    _unless(_ABSENT, lambda: sagemaker.delete_endpoint(EndpointName=endpoint))
    for page in sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=endpoint):
        for config in page["EndpointConfigs"]:
            sagemaker.delete_endpoint_config(EndpointConfigName=config["EndpointConfigName"])
    for page in sagemaker.get_paginator("list_models").paginate(NameContains=endpoint):
        for model in page["Models"]:
            sagemaker.delete_model(ModelName=model["ModelName"])
