"""The entry point that AWS Lambda calls, and the composition root of `store_feedback`."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from data.errors import InvalidRecord
from data.held_out import is_held_out
from lambdas.event import read_event, refuse
from lambdas.held_out_key import read_key
from lambdas.s3_objects import in_own_buckets
from lambdas.store_feedback.ingest import Choose, Publish, counts, receive
from lambdas.store_feedback.stores import DynamoTable, S3Objects

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="store_feedback")
metrics = Metrics(namespace="Greenlight", service="store_feedback")

# Short enough for several attempts within the function's own timeout.
_QUICK = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 4})


@functools.cache
def _parts() -> tuple[DynamoTable, S3Objects, Publish, Choose]:
    """Build what the function works with, once per running instance of it."""
    key = read_key(boto3.client("secretsmanager", config=_QUICK), os.environ["HELD_OUT_KEY"])
    iot = boto3.client("iot-data", config=_QUICK)
    return (
        DynamoTable(boto3.client("dynamodb", config=_QUICK), os.environ["TABLE"]),
        S3Objects(
            in_own_buckets(boto3.client("s3", config=_QUICK), os.environ["ACCOUNT"]),
            os.environ["DATA_BUCKET"],
        ),
        lambda topic, payload: iot.publish(topic=topic, qos=1, payload=payload),
        lambda record: is_held_out(
            key, record.director, record.year, record.genres, record.pick_id
        ),
    )


@metrics.log_metrics
@logger.inject_lambda_context
def handle(event: Any, context: LambdaContext) -> dict[str, object]:
    """Store the batch, then acknowledge it. An exception makes AWS retry the event."""
    try:
        message = read_event(event)
        outcomes = receive(message.thing, message.payload, *_parts())
    except InvalidRecord as error:
        return refuse(error, logger, metrics)
    numbers = counts(outcomes)
    logger.info("batch acked", extra={"thing": message.thing, **numbers})
    for kind, number in numbers.items():
        metrics.add_metric(name=f"{kind.title()}Records", unit=MetricUnit.Count, value=number)
    return {"thing": message.thing, **numbers}
