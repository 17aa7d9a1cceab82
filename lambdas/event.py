"""The event that an IoT rule passes to a function: the message's raw bytes, and the topic's thing.

The rules select `encode(*, 'base64')`, so no field of the message can be mistaken for the topic's
thing, numbers keep their digits, and the message can be checked byte by byte.
`refuse` is every function's answer to an event that it can't handle.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from data import topics
from data.errors import InvalidRecord


@dataclass(frozen=True)
class DeviceMessage:
    """A message from a device.

    Attributes:
        thing: from the topic; AWS IoT has checked it against the sender's certificate.
        payload: the message's bytes.
    """

    thing: str
    payload: bytes


def read_event(event: object) -> DeviceMessage:
    """Return the message in a rule's event.

    Raises:
        InvalidRecord: naming the event's field; the event didn't come from the stack's rules.
    """
    if not isinstance(event, dict):
        raise InvalidRecord("the event", "isn't an object; only the stack's IoT rules may call")
    thing, payload = event.get("thing"), event.get("payload")
    if not isinstance(thing, str):
        raise InvalidRecord(
            "the event's thing", "isn't text; the rule must select topic(2) AS thing"
        )
    if not isinstance(payload, str):
        raise InvalidRecord(
            "the event's payload", "isn't text; the rule must select encode(*, 'base64') AS payload"
        )
    try:
        return DeviceMessage(topics.check_thing(thing), b64decode(payload, validate=True))
    except (binascii.Error, ValueError) as error:
        if isinstance(error, InvalidRecord):
            raise
        raise InvalidRecord("the event's payload", "isn't base64") from error


def refuse(error: InvalidRecord, logger: Logger, metrics: Metrics) -> dict[str, object]:
    """Log that an event was refused, and return the function's answer.

    No sender waits for a reply, and an exception would only make AWS call again.
    """
    logger.warning("event refused", extra={"field": error.field, "reason": error.reason})
    metrics.add_metric(name="RefusedMessages", unit=MetricUnit.Count, value=1)
    return {"refused": str(error)}
