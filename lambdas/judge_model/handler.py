"""The entry point that AWS Lambda calls, and the composition root of `judge_model`."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from data.errors import InvalidRecord
from lambdas.errors import CandidateRejected
from lambdas.event import refuse
from lambdas.judge_model.judge import judge
from lambdas.judge_model.stores import READERS, AwsJudge
from lambdas.s3_objects import in_own_buckets
from lambdas.training_jobs import is_job

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="judge_model")
metrics = Metrics(namespace="Greenlight", service="judge_model")

_QUICK = Config(
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "max_attempts": 4},
    max_pool_connections=READERS,
)


@functools.cache
def _cloud() -> AwsJudge:
    """Build the S3 client, once per running instance of the function."""
    return AwsJudge(
        in_own_buckets(boto3.client("s3", config=_QUICK), os.environ["ACCOUNT"]),
        os.environ["DATA_BUCKET"],
        os.environ["MODELS_BUCKET"],
        os.environ["MODEL_NAME"],
    )


@metrics.log_metrics
@logger.inject_lambda_context
def handle(event: Any, context: LambdaContext) -> dict[str, object]:
    """Judge the output of the training job that `job` names; the verdict is put into S3.

    The answer has `rejected` instead of `decision` if there was nothing to judge.
    """
    job = event.get("job") if isinstance(event, dict) else None
    if not isinstance(job, str) or not is_job(os.environ["STACK"], job):
        error = InvalidRecord("event.job", "isn't a training job of this stack")
        return refuse(error, logger, metrics)
    try:
        judgement = judge(job, _cloud())
    except CandidateRejected as error:
        logger.warning("rejected", extra={"job": job, "reason": str(error)})
        return {"job": job, "rejected": str(error)}
    verdict = judgement.verdict
    logger.info(verdict.decision, extra={"job": job, "reasons": verdict.reasons})
    metrics.add_metric(name="JudgedModels", unit=MetricUnit.Count, value=1)
    return {"job": job, "decision": verdict.decision}
