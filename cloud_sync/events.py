"""What can happen to a session (events), and what it can ask for (commands)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from cloud_sync import update
from cloud_sync.feedback import Acknowledge, CloudOutdated, Quarantine, ReadOutbox
from cloud_sync.mqtt import Connected, Dropped, MqttMessage
from cloud_sync.rate_limit import Publish
from cloud_sync.report import SendReport, Stock, TakeStock
from cloud_sync.update_run import (
    Discard,
    Fetch,
    Offer,
    QuestionRefused,
    StopFetching,
    UpdateChanged,
)
from cloud_sync.verification import FinishVerification
from edge.journal import Activation, OutboxRow, Request


# Events, in addition to the broker's Connected, Dropped and MqttMessage.
class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


class JournalChanged(msgspec.Struct, frozen=True):
    """The appliance has written to the journal, or it was just opened."""


class JournalFailed(msgspec.Struct, frozen=True):
    """The journal could not be read or written just now."""


class OutboxRead(msgspec.Struct, frozen=True):
    """The answer to ReadOutbox."""

    rows: Sequence[OutboxRow]


class RequestsRead(msgspec.Struct, frozen=True):
    """The answer to ReadRequests: all pending requests."""

    requests: Sequence[Request]


class ActivationsRead(msgspec.Struct, frozen=True):
    """The answer to ReadActivations."""

    rows: Sequence[Activation]


FetchEnded: TypeAlias = (
    update.Fetched
    | update.FetchFailed
    | update.BundleRejected
    | update.SoftwareTooOld
    | update.OfferFailed
)
Event: TypeAlias = (
    Connected
    | Dropped
    | MqttMessage
    | Tick
    | JournalChanged
    | JournalFailed
    | OutboxRead
    | RequestsRead
    | ActivationsRead
    | FetchEnded
    | Stock
)


# Commands, in addition to those of the parts.
class Connect(msgspec.Struct, frozen=True):
    """Start connecting to the broker."""


class ReadRequests(msgspec.Struct, frozen=True):
    """Read the appliance's pending requests."""


class ReadActivations(msgspec.Struct, frozen=True):
    """Read the activations after this sequence number."""

    after: int


class FinishSync(msgspec.Struct, frozen=True):
    """The appliance's request to synchronise has been carried out."""

    seq: int


class ConnectionChanged(msgspec.Struct, frozen=True):
    """The connection's state has changed; for the page and the log."""

    state: str
    reason: str
    attempts: int
    next_try_in_seconds: float | None


class MessageIgnored(msgspec.Struct, frozen=True):
    """A message was invalid and changed nothing; for the log."""

    topic: str
    reason: str


Command: TypeAlias = (
    Connect
    | Publish
    | ReadOutbox
    | ReadRequests
    | ReadActivations
    | Acknowledge
    | Quarantine
    | CloudOutdated
    | FinishVerification
    | FinishSync
    | Fetch
    | StopFetching
    | Offer
    | Discard
    | TakeStock
    | SendReport
    | ConnectionChanged
    | UpdateChanged
    | QuestionRefused
    | MessageIgnored
)
