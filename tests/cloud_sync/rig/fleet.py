"""A fleet on one simulated clock: how it treats a broker that all of it depends on.

Sessions, settings and the cloud's ingest are the real ones. A device is woken only when its session
says that something is due, so that a day of ten thousand takes a minute.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rig.records import BUCKET, HASH, feedback
from rig.simulated_cloud import Cloud, Stores
from rig.simulation import Clock

from cloud_sync import events as ev
from cloud_sync.assembly import session_settings
from cloud_sync.config import SyncConfig
from cloud_sync.feedback import Acknowledge, ReadOutbox
from cloud_sync.mqtt import Connected, Dropped, MqttMessage
from cloud_sync.rate_limit import Publish
from cloud_sync.report import Stock, TakeStock
from cloud_sync.session import Session
from cloud_sync.update import Fetched
from cloud_sync.update_run import Fetch, Offer
from data import topics, wire
from data.messages import ModelUpdateJob
from edge.journal import Activation, OutboxRow

DAY = 86_400.0
# Of an account, by default: AWS IoT Core's and Device Management's endpoints and quotas.
CONNECTS_A_SECOND = 500
JOB_REQUESTS_A_SECOND = 200
JOBS_STARTED_A_MINUTE = 1_000
_LATENCY_SECONDS = 0.05
_FETCH_SECONDS = (20.0, 60.0)
_TRIAL_SECONDS = 5.0
_VERSION = 2


@dataclass
class Interruption:
    """A time without a broker, and how the fleet came back."""

    at: float
    seconds: float
    peak_connects: int = 0
    settled_after: float | None = None


@dataclass
class Day:
    """What happened."""

    interruptions: list[Interruption]
    connects: Counter[int] = field(default_factory=Counter)
    job_requests: Counter[int] = field(default_factory=Counter)
    connects_refused: int = 0
    jobs_throttled: int = 0
    given: list[str] = field(default_factory=list)
    stored: int = 0
    waiting: int = 0
    online: int = 0
    settled: int = 0
    updated: int = 0
    events: int = 0

    @property
    def peak_connects(self) -> int:
        """The most attempts to connect that reached the broker in one second."""
        return max(self.connects.values(), default=0)


class Fleet:
    """Devices that start together, rate now and then, and get a model in the course of a day.

    Args:
        size: how many.
        interruptions: of the broker, for all of them.
        seed: the same seed gives the same day.
        base_seconds: replaces the setting `retry_base_seconds`.
        share: the limits of an account are multiplied by this, for a fleet that stands for a
            larger one.
    """

    def __init__(
        self,
        size: int,
        interruptions: list[Interruption],
        seed: int = 1,
        base_seconds: float | None = None,
        share: float = 1.0,
    ) -> None:
        self.clock = Clock()
        self.rng = random.Random(seed)
        self.day = Day(interruptions)
        self.stores = Stores()
        self.reachable = True
        self.share = share
        self.base_seconds = base_seconds
        self.devices = [FleetDevice(self, number) for number in range(size)]

    def run(self, seconds: float = DAY) -> Day:
        """Let the day pass and return what happened."""
        for device in self.devices:
            self._plan_rating(device)
            start = seconds / 4 + device.number * 60 / (JOBS_STARTED_A_MINUTE * self.share)
            self.clock.after(start, device.start_job)
        for interruption in self.day.interruptions:
            self.clock.after(interruption.at, lambda one=interruption: self._interrupt(one))
        self.clock.sleep(seconds)
        day = self.day
        day.stored = sum(("feedback", one) in self._stored() for one in day.given)
        day.waiting = sum(len(device.outbox) for device in self.devices)
        day.updated = sum(
            device.cloud.jobs.get("films-2", {}).get("status") == "SUCCEEDED"
            for device in self.devices
        )
        return day

    def admits_connect(self) -> bool:
        """Return whether the broker accepts one more connection in this second."""
        if not self.reachable:
            return False
        second = int(self.clock.now)
        self.day.connects[second] += 1
        accepted = self.day.connects[second] <= CONNECTS_A_SECOND * self.share
        self.day.connects_refused += not accepted
        return accepted

    def admits_job_request(self) -> bool:
        """Return whether AWS IoT Jobs takes one more request in this second."""
        second = int(self.clock.now)
        self.day.job_requests[second] += 1
        accepted = self.day.job_requests[second] <= JOB_REQUESTS_A_SECOND * self.share
        self.day.jobs_throttled += not accepted
        return accepted

    def _plan_rating(self, device: FleetDevice) -> None:
        def rate() -> None:
            device.rate()
            self._plan_rating(device)

        self.clock.after(self.rng.expovariate(1 / DAY), rate)

    def _interrupt(self, interruption: Interruption) -> None:
        self.reachable = False
        for device in self.devices:
            device.drop()
        self.clock.after(interruption.seconds, lambda: self._restore(interruption))

    def _restore(self, interruption: Interruption) -> None:
        self.reachable = True
        restored = self.clock.now

        def look() -> None:
            if self.day.settled >= 0.99 * len(self.devices):
                interruption.settled_after = self.clock.now - restored
                seconds = range(int(restored), int(self.clock.now) + 1)
                interruption.peak_connects = max(self.day.connects[one] for one in seconds)
            else:
                self.clock.after(1.0, look)

        look()

    def _stored(self) -> set[tuple[str, str]]:
        return {("feedback", key.rpartition("#")[2]) for key in self.stores.items}


class FleetDevice:
    """One device: a real session, with a list for its journal."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.fleet, self.number = fleet, number
        self.name = f"pi-{number:05d}"
        self.cloud = Cloud(self.name)
        self.cloud.stores = fleet.stores
        self.outbox: list[OutboxRow] = []
        self._activations: list[Activation] = []
        self._connection = self._woken = 0
        self._online = self._settled = False
        base = {} if fleet.base_seconds is None else {"retry_base_seconds": fleet.base_seconds}
        settings = msgspec.structs.replace(session_settings(_settings(self.name)), **base)
        self._session = Session(settings, random.Random(fleet.rng.random()), fleet.clock.now)
        self.handle(ev.JournalChanged())

    def rate(self) -> None:
        """Capture a rating."""
        record = feedback(self.number, self.name)
        self.fleet.day.given.append(record.id)
        row = OutboxRow(len(self.fleet.day.given), record.id, record.rated_at, wire.encode(record))
        self.outbox.append(row)
        self.handle(ev.JournalChanged())

    def start_job(self) -> None:
        """AWS queues the new model for this device and says so, if it's online."""
        document = ModelUpdateJob("model-update", _VERSION, BUCKET, "models/films/2/", HASH)
        notice = self.cloud.create_job("films-2", wire.encode(document))
        self._deliver(notice)

    def drop(self) -> None:
        """The connection is lost."""
        if self._session.connection.online:
            self._connection += 1
            self.handle(Dropped("the connection was lost"))

    def handle(self, event: ev.Event) -> None:
        """Let the session decide, do it, and wake it up again when something is due."""
        waiting = [event]
        while waiting:
            self.fleet.day.events += 1
            for command in self._session.handle(waiting.pop(0), self.fleet.clock.now):
                waiting += self._carry_out(command)
        self._count()
        self._woken += 1
        woken, wait = self._woken, self._session.next_due - self.fleet.clock.now
        if wait < DAY:
            self.fleet.clock.after(max(wait, 0.0), lambda: self._wake(woken))

    def _wake(self, woken: int) -> None:
        if woken == self._woken:
            self.handle(ev.Tick())

    def _count(self) -> None:
        online, settled = self._session.connection.online, self._session.settled
        self.fleet.day.online += online - self._online
        self.fleet.day.settled += settled - self._settled
        self._online, self._settled = online, settled

    def _carry_out(self, command: ev.Command) -> Iterator[ev.Event]:
        clock = self.fleet.clock
        match command:
            case ev.Connect():
                clock.after(2 * _LATENCY_SECONDS, self._connect)
            case Publish(topic, payload):
                connection = self._connection
                clock.after(_LATENCY_SECONDS, lambda: self._arrive(connection, topic, payload))
            case ReadOutbox(limit):
                yield ev.OutboxRead(self.outbox[:limit])
            case ev.ReadRequests():
                yield ev.RequestsRead([])
            case ev.ReadActivations(after):
                yield ev.ActivationsRead([row for row in self._activations if row.seq > after])
            case Acknowledge(ids):
                self.outbox = [row for row in self.outbox if row.id not in ids]
            case TakeStock():
                yield Stock(len(self.outbox), 0, None, 1, 1.0, None)
            case Fetch(job):
                fetched = Fetched(job.id, "folder")
                clock.after(self.fleet.rng.uniform(*_FETCH_SECONDS), lambda: self.handle(fetched))
            case Offer(job):
                digest = job.document.manifest_sha256
                row = Activation(
                    1, _VERSION, HASH, "activated", None, job.id, digest, "1970-01-01T00:00:00Z"
                )
                clock.after(_TRIAL_SECONDS, lambda: self._activated(row))

    def _activated(self, row: Activation) -> None:
        self._activations.append(row)
        self.handle(ev.JournalChanged())

    def _connect(self) -> None:
        self._connection += 1
        accepted = self.fleet.admits_connect()
        self.handle(Connected() if accepted else Dropped("refused"))

    def _arrive(self, connection: int, topic: str, payload: bytes) -> None:
        if connection != self._connection or not self.fleet.reachable:
            return
        for reply in self._answers(topic, payload):
            self._deliver(reply)

    def _answers(self, topic: str, payload: bytes) -> list[MqttMessage]:
        about_jobs = topic.startswith(topics.jobs(self.name) + "/")
        if not about_jobs or self.fleet.admits_job_request():
            return self.cloud.truly_answer(topic, payload)
        token = msgspec.json.decode(payload).get("clientToken")
        refusal = {"code": "RequestThrottled", "message": "Rate exceeded", "clientToken": token}
        return [MqttMessage(f"{topic}/rejected", msgspec.json.encode(refusal))]

    def _deliver(self, message: MqttMessage) -> None:
        connection = self._connection

        def arrive() -> None:
            online = self._session.connection.online
            if online and connection == self._connection and self.fleet.reachable:
                self.handle(message)

        self.fleet.clock.after(_LATENCY_SECONDS, arrive)


def _settings(thing: str) -> SyncConfig:
    """Return the settings of a device whose owner changed none."""
    nowhere = Path("unused")
    return SyncConfig(
        thing=thing,
        region="eu-central-1",
        mqtt_host="unused",
        root_ca=nowhere,
        certificate=nowhere,
        private_key=nowhere,
        credentials_url="https://unused",
        role_alias="unused",
        models_bucket=BUCKET,
    )
