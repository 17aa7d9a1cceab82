"""The entry point that AWS Lambda calls, and the composition root of `start_retraining`."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from data.errors import InvalidRecord
from lambdas.event import refuse
from lambdas.s3_objects import in_own_buckets
from lambdas.start_retraining.sagemaker import AwsTraining, TrainingSettings
from lambdas.start_retraining.start import start
from lambdas.training_jobs import job_name

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="start_retraining")
metrics = Metrics(namespace="Greenlight", service="start_retraining")

_QUICK = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "max_attempts": 4})
# One synchronous call of release_model, which may take minutes; not retried while it runs.
_SLOW = Config(connect_timeout=3, read_timeout=310, retries={"total_max_attempts": 1})


@functools.cache
def _cloud() -> AwsTraining:
    """Build the AWS clients, once per running instance of the function."""
    settings = TrainingSettings(
        stack=os.environ["STACK"],
        data_bucket=os.environ["DATA_BUCKET"],
        models_bucket=os.environ["MODELS_BUCKET"],
        image=os.environ["TRAINING_IMAGE"],
        instance=os.environ["TRAINING_INSTANCE"],
        role_arn=os.environ["TRAINING_ROLE"],
        release_model=os.environ["RELEASE_MODEL"],
        model_name=os.environ["MODEL_NAME"],
    )
    return AwsTraining(
        in_own_buckets(boto3.client("s3", config=_QUICK), os.environ["ACCOUNT"]),
        boto3.client("sagemaker", config=_QUICK),
        boto3.client("lambda", config=_SLOW),
        settings,
    )


@metrics.log_metrics
@logger.inject_lambda_context
def handle(event: Any, context: LambdaContext) -> dict[str, object]:
    """Start a retraining, or say why not. An exception makes AWS retry the event."""
    try:
        asked = event.get("asked") if isinstance(event, dict) else None
        job = job_name(os.environ["STACK"], asked)
    except InvalidRecord as error:
        return refuse(error, logger, metrics)
    answer = start(job, _cloud())
    logger.info(answer.message, extra={"job": answer.job})
    started = int(answer.job == job)
    metrics.add_metric(name="StartedRetrainings", unit=MetricUnit.Count, value=started)
    return {"job": answer.job, "said": answer.message}
