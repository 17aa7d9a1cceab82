"""The ML endpoint, brought to a release: SageMaker serves its scikit-learn pipeline.

The endpoint belongs to the releases, not to the template: a stack has none before its first
release, and deploying the stack again never takes it back to an older one. Every step may be done
again.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from data import topics
from data.manifest import PIPELINE
from lambdas.release import put_new

ARCHIVE = "model.tar.gz"
VARIANT = "release"
# An endpoint in one of these states takes no other order.
CHANGING = ("Creating", "Updating", "RollingBack")
_MAX_CONCURRENCY = 5
# SageMaker's names for what is not, and for what is already.
_ABSENT, _PRESENT = "Could not find", "Cannot create already existing"


@dataclass(frozen=True)
class Serving:
    """How a stack serves its models.

    Attributes:
        endpoint: its name; empty if none is wanted.
        image: of the serving code, in ECR.
        role_arn: with which SageMaker reads the pipeline.
    """

    endpoint: str
    image: str
    role_arn: str
    memory_mb: int


def serving_of(outputs: dict[str, str]) -> Serving:
    """Return how this stack serves; see template.yaml."""
    return Serving(
        outputs["EndpointName"],
        outputs["EndpointImage"],
        outputs["EndpointRoleArn"],
        int(outputs["EndpointMemoryMB"]),
    )


def archive_of(pipeline: bytes) -> bytes:
    """Return a pipeline as SageMaker takes a model: the same pipeline gives the same bytes."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w") as archive,
    ):
        entry = tarfile.TarInfo(PIPELINE)
        entry.size = len(pipeline)
        archive.addfile(entry, io.BytesIO(pipeline))
    return packed.getvalue()


def serve(
    s3: Any,
    sagemaker: Any,
    serving: Serving,
    bucket: str,
    release: tuple[str, int],
    pipeline: bytes,
) -> str:
    """Order the endpoint to serve a release's pipeline, and return the model's name there.

    It goes on with the pipeline before until the new one answers, which takes minutes on AWS.

    Args:
        s3: where the pipeline is put.
        sagemaker: its control API.
        serving: how this stack serves; with no endpoint the pipeline is put, and that is all.
        bucket: of models.
        release: name and version.
        pipeline: the bytes of `pipeline.joblib`.

    Raises:
        ClientError: SageMaker refuses; it does so too while it is busy with an earlier order.
    """
    name, version = release
    packed = archive_of(pipeline)
    # Beside each other: a pipeline that cannot be served must not block the release's good one.
    sha = hashlib.sha256(pipeline).hexdigest()[:8]
    key = f"{topics.pipeline_prefix(name, version)}{sha}/"
    put_new(s3, bucket, key, {ARCHIVE: packed})
    model = f"{serving.endpoint}-{version}-{sha}"
    if serving.endpoint:
        _make(sagemaker, serving, model, f"s3://{bucket}/{key}{ARCHIVE}")
    return model


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
    named = {"EndpointName": serving.endpoint, "EndpointConfigName": model}
    if there is None:
        sagemaker.create_endpoint(**named)
    elif there["EndpointConfigName"] != model:
        sagemaker.update_endpoint(**named)


def found(sagemaker: Any, endpoint: str) -> dict[str, Any] | None:
    """Return what SageMaker says of an endpoint, or None if there is none."""
    answer: dict[str, Any] | None = _unless(
        _ABSENT, lambda: sagemaker.describe_endpoint(EndpointName=endpoint)
    )
    return answer


def _unless(refusal: str, call: Callable[[], Any]) -> Any:
    """Call SageMaker; return None if it refuses in these words, which it has no code for."""
    try:
        return call()
    except ClientError as error:
        if refusal not in error.response["Error"]["Message"]:
            raise
        return None


def remove(sagemaker: Any, endpoint: str) -> None:
    """Delete an endpoint with all that releases made for it; nothing happens if there is none."""
    _unless(_ABSENT, lambda: sagemaker.delete_endpoint(EndpointName=endpoint))
    for page in sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=endpoint):
        for config in page["EndpointConfigs"]:
            sagemaker.delete_endpoint_config(EndpointConfigName=config["EndpointConfigName"])
    for page in sagemaker.get_paginator("list_models").paginate(NameContains=endpoint):
        for model in page["Models"]:
            sagemaker.delete_model(ModelName=model["ModelName"])
