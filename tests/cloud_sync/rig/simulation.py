"""A device on a simulated clock: months pass in seconds, and every run can be replayed.

The session, the journal and the cloud's ingest are the real ones; time, network and chance are not.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rig.records import BUCKET, THING
from rig.simulated_cloud import Cloud

from cloud_sync import events as ev
from cloud_sync.feedback import Acknowledge, Quarantine, ReadOutbox
from cloud_sync.mqtt import Connected, Dropped, MqttMessage
from cloud_sync.rate_limit import Publish
from cloud_sync.report import Stock, TakeStock
from cloud_sync.session import Session, SessionSettings
from cloud_sync.update import Fetched
from cloud_sync.update_run import Discard, Fetch, Offer, StopFetching
from cloud_sync.verification import FinishVerification
from edge.journal import Journal

SETTINGS = SessionSettings(
    thing=THING,
    models_bucket=BUCKET,
    software_version="0.1.0",
    retry_base_seconds=1,
    retry_cap_seconds=300,
    ack_timeout_seconds=30,
    report_interval_seconds=60,
    update_timeout_seconds=900,
    connect_timeout_seconds=60,
)


class Clock:
    """Simulated time and scheduled events."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._order), action))

    def run(self, until: Callable[[], bool], most_seconds: float) -> bool:
        """Let time pass until something is true; return False if it doesn't come true in time."""
        end = self.now + most_seconds
        while not until():
            if not self._due or self._due[0][0] > end:
                self.now = end
                return until()
            self.now, _, action = heapq.heappop(self._due)
            action()
        return True

    def sleep(self, seconds: float) -> None:
        self.run(lambda: False, seconds)


@dataclass
class Weather:
    """How bad the network is. Chances are per message and direction."""

    latency_seconds: float = 0.1
    jitter_seconds: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    drop_connection: float = 0.0


class Device:
    """A session with a real journal, on simulated time and network."""

    def __init__(
        self,
        clock: Clock,
        cloud: Cloud,
        journal: Journal,
        seed: int = 0,
        weather: Weather | None = None,
        settings: SessionSettings = SETTINGS,
        poll_seconds: float = 1.0,
    ) -> None:
        self.clock = clock
        self.cloud = cloud
        self.journal = journal
        self.weather = weather or Weather()
        self.network = True
        self.commands: list[ev.Command] = []
        self.keep_commands = True
        self._rng = random.Random(seed)
        self._settings = settings
        self.poll_seconds = poll_seconds
        self._generation = 0
        self._connection = 0
        self.fetch: Callable[[Fetch], ev.Event | None] = lambda command: Fetched(
            command.job.id, str(command.job.document.version)
        )
        self.start()

    def start(self) -> None:
        """Power on: a new session that knows only the journal."""
        self._generation += 1
        self._connection += 1
        self.session = Session(self._settings, self._rng, self.clock.now)
        self._seen: int | None = None
        self._tick(self._generation)

    def kill(self) -> None:
        """Power off: whatever wasn't in the journal is gone."""
        self._generation += 1
        self._connection += 1

    def cut(self) -> None:
        """Disconnect the network."""
        self.network = False
        self._drop()

    def repair(self) -> None:
        self.network = True

    def push(self, message: MqttMessage) -> None:
        """Send an unrequested message from the cloud."""
        self._deliver(message)

    def handle(self, event: ev.Event) -> None:
        generation = self._generation
        waiting = [event]
        while waiting and generation == self._generation:
            for command in self.session.handle(waiting.pop(0), self.clock.now):
                if self.keep_commands:
                    self.commands.append(command)
                follows = self._carry_out(command)
                if follows is not None:
                    waiting.append(follows)

    def _tick(self, generation: int) -> None:
        if generation != self._generation:
            return
        version = self.journal.data_version(), self.changes
        if version != self._seen:
            self._seen = version
            self.handle(ev.JournalChanged())
        self.handle(ev.Tick())
        self.clock.after(self.poll_seconds, lambda: self._tick(generation))

    # Writes of this very connection do not change data_version; a test that writes says so.
    changes = 0

    def wrote(self) -> None:
        self.changes += 1

    def _carry_out(self, command: ev.Command) -> ev.Event | None:
        match command:
            case ev.Connect():
                self._connect()
            case Publish():
                self._publish(command)
            case ReadOutbox():
                return ev.OutboxRead(self.journal.peek_outbox(command.limit))
            case ev.ReadRequests():
                return ev.RequestsRead(self.journal.pending_requests())
            case ev.ReadActivations():
                return ev.ActivationsRead(self.journal.activations_after(command.after))
            case Acknowledge():
                self.journal.acknowledge(command.ids)
            case Quarantine():
                self.journal.quarantine(command.id, command.reason)
            case ev.FinishSync():
                self.journal.finish_request(command.seq, {})
            case FinishVerification():
                self.journal.finish_request(command.seq, msgspec.to_builtins(command.result))
            case Fetch():
                follows = self.fetch(command)
                if follows is not None:
                    self._later(2.0, lambda: self.handle(follows))
            case Offer():
                document = command.job.document
                self.journal.offer_model(
                    document.version, document.manifest_sha256, command.job.id, command.folder
                )
            case TakeStock():
                waiting, aside = self.journal.outbox_depth()[0], self.journal.quarantined_count()
                return Stock(waiting, aside, None, 1, 1.0, None)
            case StopFetching() | Discard():
                pass
        return None

    def _connect(self) -> None:
        self._connection += 1
        event: ev.Event = Connected() if self.network else Dropped("refused")
        self._later(self.weather.latency_seconds, lambda: self.handle(event))

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        generation = self._generation

        def run() -> None:
            if generation == self._generation:
                action()

        self.clock.after(seconds, run)

    def _publish(self, command: Publish) -> None:
        self.cloud.published.append((self.clock.now, command.topic, len(command.payload)))
        if self._rng.random() < self.weather.drop_connection:
            self._drop()
        for _ in range(self._copies()):
            self.clock.after(
                self._latency(),
                lambda: (
                    [
                        self._deliver(reply)
                        for reply in self.cloud.answer(command.topic, command.payload)
                    ]
                    and None
                ),
            )

    def _deliver(self, message: MqttMessage) -> None:
        connection = self._connection
        for _ in range(self._copies()):

            def arrive() -> None:
                if connection == self._connection and self.network:
                    self.handle(message)

            self.clock.after(self._latency(), arrive)

    def _drop(self) -> None:
        self._connection += 1
        if self.session.connection.online:
            self._later(0.0, lambda: self.handle(Dropped("the connection was lost")))

    def _copies(self) -> int:
        if not self.network or self._rng.random() < self.weather.lost:
            return 0
        return 2 if self._rng.random() < self.weather.doubled else 1

    def _latency(self) -> float:
        return self.weather.latency_seconds + self._rng.uniform(0, self.weather.jitter_seconds)


def memory_journal(folder: Path) -> Journal:
    """Return a journal for simulations, where syncing to a real disk would only cost time."""
    journal = Journal.open(folder / "journal.db")
    journal._connection.execute("PRAGMA synchronous=OFF")
    return journal
