"""The port to an MQTT broker: what the session needs of one, without any vendor's names.

A broker reports what happened by putting events into an inbox; it never calls the session.
Everything is QoS 1 and may arrive twice, late or not at all: only the application's own answer is
proof that a message arrived.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec

from data import limits
from data.errors import GreenlightError

# AWS: "A topic's total length may not exceed 256 bytes", at most seven slashes beyond $aws/rules;
# wildcards belong in filters.
_TOPIC = re.compile(r"[^\s#+\x00-\x1f\x7f]{1,256}")


class BrokerEndpoint(msgspec.Struct, frozen=True):
    """The broker's address and this device's identity."""

    client_id: str
    host: str
    port: int
    root_ca: Path
    certificate: Path
    private_key: Path
    connect_timeout_seconds: float = 10.0
    keep_alive_seconds: int = 60


class Connected(msgspec.Struct, frozen=True):
    """The broker accepted us and granted every subscription."""


class Dropped(msgspec.Struct, frozen=True):
    """There is no connection: an attempt failed, or a live one ended."""

    reason: str


class MqttMessage(msgspec.Struct, frozen=True):
    """Something arrived."""

    topic: str
    payload: bytes


BrokerEvent: TypeAlias = Connected | Dropped | MqttMessage
Inbox: TypeAlias = Callable[[BrokerEvent], None]


class NotConnected(GreenlightError):
    """There is no connection to publish over; a Dropped has been sent or is on its way."""


class TopicRefused(GreenlightError, ValueError):
    """AWS would drop the connection over this topic or payload; nothing was sent."""


class Broker(Protocol):
    """One client's connection to a broker. The inbox may be called from any thread."""

    def connect(self) -> None:
        """Start connecting. Exactly one Connected or Dropped follows; after Connected, messages."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at least once, without waiting.

        Raises:
            NotConnected: there is no connection.
            TopicRefused: AWS would refuse the topic or the payload.
        """

    def disconnect(self) -> None:
        """Disconnect. No event follows once this returns, until `connect` is called again."""


def check_publish(topic: str, payload: bytes) -> None:
    """Refuse anything over which AWS would drop the connection.

    Raises:
        TopicRefused: naming what is wrong.
    """
    if not _TOPIC.fullmatch(topic) or len(topic.encode()) > 256:
        raise TopicRefused(f"topic {topic[:60]!r}: give 1 to 256 bytes without spaces, + or #")
    if len(payload) > limits.MAX_PAYLOAD_BYTES:
        raise TopicRefused(
            f"{topic}: {len(payload)} bytes; at most {limits.MAX_PAYLOAD_BYTES} are allowed"
        )
