"""What the IoT rules hand to a function: the message's bytes, untouched, and the topic's thing.

The rules select `encode(*, 'base64')`, so that no field of the message can pass for the topic's
thing, numbers keep their digits, and the message is judged here byte by byte.
What every function answers to an event that it cannot take is said here too.
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
    """A message of a device.

    Attributes:
        thing: the topic's thing, which AWS IoT has checked against the sender's certificate.
        payload: the message's bytes.
    """

    thing: str
    payload: bytes


def read_event(event: object) -> DeviceMessage:
    """Return the message of a rule's event.

    Raises:
        InvalidRecord: naming the event's field; the event did not come from the stack's rules.
    """
    if not isinstance(event, dict):
        raise InvalidRecord("event", "isn't an object; only the stack's IoT rules may call")
    thing, payload = event.get("thing"), event.get("payload")
    if not isinstance(thing, str):
        raise InvalidRecord("event.thing", "isn't text; the rule must select topic(2) AS thing")
    if not isinstance(payload, str):
        raise InvalidRecord(
            "event.payload", "isn't text; the rule must select encode(*, 'base64') AS payload"
        )
    try:
        return DeviceMessage(topics.check_thing(thing), b64decode(payload, validate=True))
    except (binascii.Error, ValueError) as error:
        if isinstance(error, InvalidRecord):
            raise
        raise InvalidRecord("event.payload", "is no base64") from error


def refuse(error: InvalidRecord, logger: Logger, metrics: Metrics) -> dict[str, object]:
    """Note that an event is refused, and return the function's answer.

    Nobody can be told, and another try changes nothing: an exception would only bring one.
    """
    logger.warning("event refused", extra={"field": error.field, "reason": error.reason})
    metrics.add_metric(name="RefusedMessages", unit=MetricUnit.Count, value=1)
    return {"refused": str(error)}
