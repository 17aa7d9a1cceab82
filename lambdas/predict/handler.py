"""The entry point that AWS Lambda calls, and the composition root of `predict`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from data import topics, wire
from data.errors import InvalidRecord
from lambdas.event import read_event, refuse
from lambdas.predict.answer import answer
from lambdas.predict.sagemaker import SageMakerEndpoint

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="predict")
metrics = Metrics(namespace="Greenlight", service="predict")

_QUICK = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 4})


@functools.cache
def _parts() -> tuple[SageMakerEndpoint, Callable[[str, bytes], object]]:
    """Build the endpoint and the publisher, once per running instance of the function."""
    # One attempt: a slow endpoint must leave time for the reply that says so.
    slow = Config(
        connect_timeout=3,
        read_timeout=float(os.environ["ENDPOINT_TIMEOUT_SECONDS"]),
        retries={"total_max_attempts": 1},
    )
    iot = boto3.client("iot-data", config=_QUICK)
    return (
        SageMakerEndpoint(
            boto3.client("sagemaker-runtime", config=slow), os.environ["ENDPOINT_NAME"]
        ),
        lambda topic, payload: iot.publish(topic=topic, qos=1, payload=payload),
    )


@metrics.log_metrics
@logger.inject_lambda_context
def handle(event: Any, context: LambdaContext) -> dict[str, object]:
    """Reply with the endpoint's scores, or with what went wrong."""
    try:
        message = read_event(event)
        endpoint, publish = _parts()
        reply = answer(message.payload, endpoint)
    except InvalidRecord as error:
        return refuse(error, logger, metrics)
    publish(topics.verification_reply(message.thing), wire.encode(reply))
    logger.info(
        "replied",
        extra={"thing": message.thing, "rows": len(reply.scores), "error": reply.error},
    )
    metrics.add_metric(
        name="FailedReplies" if reply.error else "Replies", unit=MetricUnit.Count, value=1
    )
    return {"thing": message.thing, "rows": len(reply.scores), "error": reply.error}
