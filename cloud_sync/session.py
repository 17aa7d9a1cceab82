"""The session: everything the sync service decides, with no side effects.

`handle(event, now)` returns the commands that follow; it has no clock, disk, network or thread. A
month offline, a dead broker or a hostile message is a list of events, and can be replayed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from cloud_sync import update
from cloud_sync.connection import Backoff, Connection, ConnectionState
from cloud_sync.events import (
    ActivationsRead,
    Command,
    Connect,
    ConnectionChanged,
    Event,
    FinishSync,
    JournalChanged,
    JournalFailed,
    MessageIgnored,
    OutboxRead,
    ReadActivations,
    ReadRequests,
    RequestsRead,
    Tick,
)
from cloud_sync.feedback import SendFeedback, Uplink
from cloud_sync.jobs import Updates
from cloud_sync.mqtt import Connected, Dropped, MqttMessage
from cloud_sync.rate_limit import Publish, RateLimiter
from cloud_sync.report import Reporter, SendReport, Stock
from cloud_sync.update_run import JobsCommand, JobsPublish
from cloud_sync.verification import FinishVerification, SendVerification, Verifier
from data import topics
from data.errors import InvalidRecord
from edge.journal import Activation, Request

Outgoing: TypeAlias = SendFeedback | SendVerification | JobsPublish | SendReport


def subscriptions(thing: str) -> tuple[str, ...]:
    """Return the topic filters that the broker must grant."""
    jobs = topics.jobs(thing)
    return (
        topics.feedback_ack(thing),
        topics.verification_reply(thing),
        f"{jobs}/notify",
        f"{jobs}/notify-next",
        f"{jobs}/get/+",
        f"{jobs}/+/get/+",
        f"{jobs}/+/update/+",
        f"{topics.shadow_update(thing)}/rejected",
    )


def topic_of(thing: str, message: Outgoing) -> str:
    """Return the topic that a message goes to."""
    match message:
        case SendFeedback():
            return topics.feedback(thing)
        case SendVerification():
            return topics.verification(thing)
        case SendReport():
            return topics.shadow_update(thing)
        case JobsPublish():
            return f"{topics.jobs(thing)}/{message.tail}"


class SessionSettings(msgspec.Struct, frozen=True):
    """The settings that the session needs."""

    thing: str
    models_bucket: str
    software_version: str
    retry_base_seconds: float
    retry_cap_seconds: float
    ack_timeout_seconds: float
    report_interval_seconds: float
    update_timeout_seconds: float
    connect_timeout_seconds: float


class Session:
    """The state of one thing's dealings with the cloud. Times are monotonic seconds."""

    def __init__(self, settings: SessionSettings, rng: random.Random, now: float) -> None:
        retry = Backoff(settings.retry_base_seconds, settings.retry_cap_seconds)
        self._thing = settings.thing
        self._connect_timeout = settings.connect_timeout_seconds
        self._connection = Connection(retry, rng, now)
        self._uplink = Uplink(settings.thing, settings.ack_timeout_seconds, rng)
        self._verifier = Verifier(settings.ack_timeout_seconds, rng)
        self._updates = Updates(
            settings.models_bucket,
            retry,
            settings.ack_timeout_seconds,
            settings.update_timeout_seconds,
            rng,
        )
        self._reporter = Reporter(settings.report_interval_seconds, settings.software_version)
        self._rate_limiter = RateLimiter()
        self._sync_requests: list[int] = []
        self._activation_seq = 0
        self._outbox_empty = False

    @property
    def connection(self) -> Connection:
        """The connection's state."""
        return self._connection

    @property
    def settled(self) -> bool:
        """Whether we're online and nothing is left to do."""
        return not self.unsettled

    @property
    def unsettled(self) -> str:
        """What is left to do, in words; empty if nothing is."""
        if not self._connection.online:
            return f"not connected: {self._connection.reason}"
        left = {
            "ratings are waiting": not self._outbox_empty or self._uplink.busy,
            "a verification is waiting for its reply": self._verifier.busy,
            "a model update is running": self._updates.busy,
            "the report is waiting": self._reporter.pending,
            "messages are held back": self._rate_limiter.waiting > 0,
        }
        return ", ".join(name for name, is_left in left.items() if is_left)

    @property
    def next_due(self) -> float:
        """When the next `Tick` does something unless another event comes first.

        In monotonic seconds: infinity if nothing follows from time alone, and a time that has
        passed if something is due now.
        """
        due = [self._connection.next_due(self._connect_timeout), self._updates.next_due]
        if self._connection.online:
            due += [
                self._rate_limiter.next_due,
                self._uplink.next_due(empty=self._outbox_empty),
                self._verifier.next_due,
                self._reporter.next_due,
            ]
        return min(due)

    def connection_changed(self, now: float) -> ConnectionChanged:
        """Return the connection's state as a command to show it."""
        current = self._connection
        wait = current.next_try - now if current.state is ConnectionState.OFFLINE else None
        return ConnectionChanged(current.state.value, current.reason, current.attempts, wait)

    def handle(self, event: Event, now: float) -> list[Command]:
        """Return what follows from `event`, in order."""
        match event:
            case Tick():
                return self._tick(now)
            case MqttMessage():
                return self._message(event, now)
            case Connected():
                return self._connected(now)
            case Dropped():
                return self._dropped(event.reason, now)
            case JournalChanged():
                self._reporter.touch()
                self._outbox_empty = False
                return [
                    ReadRequests(),
                    ReadActivations(self._activation_seq),
                    *self._look(now),
                ]
            case OutboxRead():
                self._outbox_empty = not event.rows
                return self._out(self._uplink.found(event.rows, now), now)
            case RequestsRead():
                return self._requests(event.requests, now)
            case ActivationsRead():
                return self._activations(event.rows, now)
            case (
                update.Fetched()
                | update.FetchFailed()
                | update.BundleRejected()
                | update.SoftwareTooOld()
                | update.OfferFailed()
            ):
                return self._jobs(self._updates.fetched(event, event.job_id, now), now)
            case Stock():
                return self._out(self._reporter.measured(event), now)
            case JournalFailed():
                self._uplink.failed(now)
                return []

    def _tick(self, now: float) -> list[Command]:
        commands: list[Command] = []
        if self._connection.hangs(now, self._connect_timeout):
            # The vendor's library may deadlock; the next attempt gets a new client.
            commands += self._dropped("the attempt to connect hangs", now)
        if self._connection.due(now):
            commands += [self.connection_changed(now), Connect()]
        commands += self._jobs(self._updates.tick(now), now)
        if self._connection.online:
            commands += self._rate_limiter.tick(now)
            commands += self._out(self._uplink.tick(now), now)
            if not self._outbox_empty:
                commands += self._look(now)
            commands += self._out(self._verifier.tick(now), now)
            commands += self._reporter.tick(now)
        return commands

    def _connected(self, now: float) -> list[Command]:
        self._connection.connected(now)
        self._reporter.connected()
        self._outbox_empty = False
        return [
            self.connection_changed(now),
            *self._jobs(self._updates.connected(now), now),
            *self._look(now),
            *self._out(self._verifier.tick(now), now),
            *self._finish_syncs(),
            *self._reporter.tick(now),
        ]

    def _dropped(self, reason: str, now: float) -> list[Command]:
        self._connection.dropped(reason, now)
        self._uplink.offline()
        self._verifier.offline()
        self._updates.dropped()
        self._rate_limiter.offline()
        return [self.connection_changed(now)]

    def _message(self, message: MqttMessage, now: float) -> list[Command]:
        if not self._connection.online:
            return []
        try:
            return self._route(message, now)
        except InvalidRecord as error:
            return [MessageIgnored(message.topic[:256], str(error)[:500])]

    def _route(self, message: MqttMessage, now: float) -> list[Command]:
        topic, payload = message.topic, message.payload
        try:
            payload.decode()
        except UnicodeDecodeError as error:
            raise InvalidRecord("the message", "isn't UTF-8") from error
        if topic == topics.feedback_ack(self._thing):
            self._reporter.touch()
            return self._out(self._uplink.acknowledged(payload, now), now)
        if topic == topics.verification_reply(self._thing):
            return self._out(self._verifier.replied(payload, now), now)
        if topic == f"{topics.shadow_update(self._thing)}/rejected":
            raise InvalidRecord("the shadow", f"wasn't updated: {payload[:200]!r}")
        prefix = topics.jobs(self._thing) + "/"
        if topic.startswith(prefix):
            return self._jobs(self._updates.message(topic[len(prefix) :], payload, now), now)
        raise InvalidRecord("the topic", "isn't one that was subscribed to")

    def _requests(self, requests: Sequence[Request], now: float) -> list[Command]:
        self._verifier.found([one for one in requests if one.kind == "verify"])
        self._sync_requests = [one.seq for one in requests if one.kind == "sync"]
        commands: list[Command] = []
        if self._sync_requests:
            self._connection.connect_now(now)
            commands += self._finish_syncs()
            self._uplink.try_now()
            commands += self._look(now)
            if self._connection.online:
                commands += self._jobs(self._updates.notified(now), now)
        if self._connection.online:
            commands += self._out(self._verifier.tick(now), now)
        return commands

    def _finish_syncs(self) -> list[Command]:
        if not self._connection.online:
            return []
        finished: list[Command] = [FinishSync(seq) for seq in self._sync_requests]
        self._sync_requests = []
        return finished

    def _activations(self, rows: Sequence[Activation], now: float) -> list[Command]:
        if not rows:
            return []
        self._activation_seq = rows[-1].seq
        self._reporter.activations(list(rows))
        return self._jobs(self._updates.activations(rows, now), now)

    def _look(self, now: float) -> list[Command]:
        return self._out(self._uplink.look(now), now) if self._connection.online else []

    def _out(self, commands: Iterable[Command | Outgoing], now: float) -> list[Command]:
        """Address the parts' messages and limit their rate; pass every other command on."""
        result: list[Command] = []
        for command in commands:
            match command:
                case SendFeedback() | SendVerification() | JobsPublish():
                    result += self._publish(command, now)
                case SendReport():
                    # The page shows the same.
                    result += [command, *self._publish(command, now)]
                case FinishVerification():
                    self._reporter.verified(command.result.outcome)
                    result.append(command)
                case _:
                    result.append(command)
        return result

    def _jobs(self, commands: Iterable[JobsCommand], now: float) -> list[Command]:
        self._reporter.updating(self._updates.running)
        # Offline nothing is sent about jobs: after the next connect everything is requested again.
        online = self._connection.online
        sendable = [one for one in commands if online or not isinstance(one, JobsPublish)]
        return self._out(sendable, now)

    def _publish(self, message: Outgoing, now: float) -> list[Publish]:
        topic = topic_of(self._thing, message)
        return self._rate_limiter.offer(Publish(topic, message.payload), now)
