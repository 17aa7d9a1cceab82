"""The entry point that AWS Lambda calls, and the composition root of `release_model`."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from data.errors import InvalidRecord
from lambdas.event import refuse
from lambdas.kms_key import KmsKey
from lambdas.release_model.conclude import conclude
from lambdas.release_model.stores import AwsRelease
from lambdas.s3_objects import in_own_buckets
from lambdas.serving import Serving
from lambdas.training_jobs import read_event

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="release_model")
metrics = Metrics(namespace="Greenlight", service="release_model")

_QUICK = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "max_attempts": 4})
# One synchronous call of judge_model, which may take minutes; not retried while it runs.
_SLOW = Config(connect_timeout=3, read_timeout=250, retries={"total_max_attempts": 1})
# The last two raise an alarm: they should never happen.
_METRICS = {
    "released": "ReleasedModels",
    "refused": "RefusedModels",
    "rejected": "BrokenRetrainings",
    "failed": "BrokenRetrainings",
}


@functools.cache
def _cloud() -> AwsRelease:
    """Build the AWS clients, once per running instance of the function."""
    clients = {
        name: boto3.client(name, config=_QUICK) for name in ("s3", "sagemaker", "iot", "kms")
    }
    in_own_buckets(clients["s3"], os.environ["ACCOUNT"])
    clients["lambda"] = boto3.client("lambda", config=_SLOW)
    return AwsRelease(
        clients,
        KmsKey(clients["kms"], os.environ["SIGNING_KEY"]),
        Serving(
            os.environ["ENDPOINT_NAME"],
            os.environ["ENDPOINT_IMAGE"],
            os.environ["ENDPOINT_ROLE"],
            int(os.environ["ENDPOINT_MEMORY_MB"]),
        ),
        stack=os.environ["STACK"],
        bucket=os.environ["MODELS_BUCKET"],
        fleet_arn=os.environ["FLEET_ARN"],
        judge=os.environ["JUDGE_MODEL"],
        model_name=os.environ["MODEL_NAME"],
    )


@metrics.log_metrics
@logger.inject_lambda_context
def handle(event: Any, context: LambdaContext) -> dict[str, object]:
    """Conclude a training job. An exception makes AWS retry the event."""
    try:
        ended = read_event(os.environ["STACK"], event)
    except InvalidRecord as error:
        return refuse(error, logger, metrics)
    outcome = conclude(ended, _cloud())
    fields = {
        key: value for key, value in msgspec.to_builtins(outcome).items() if value is not None
    }
    logger.info(outcome.conclusion, extra=fields)
    metrics.add_metric(name=_METRICS[outcome.conclusion], unit=MetricUnit.Count, value=1)
    return fields
