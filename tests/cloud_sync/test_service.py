"""The shell around the session, when the journal fails instead of the network."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rig.fake_broker import FakeBroker, FakeHub
from rig.records import THING, feedback
from rig.simulated_cloud import Cloud, OldCloud
from rig.simulation import SETTINGS

from cloud_sync.events import Event, Tick
from cloud_sync.feedback import CLOUD_OUTDATED, FEEDBACK_STATE
from cloud_sync.mqtt import MqttMessage
from cloud_sync.service import EventQueue, Service
from cloud_sync.session import Session, subscriptions
from edge.journal import JOURNAL, Journal, JournalError, JournalFull, open_or_set_aside

FAST = msgspec.structs.replace(
    SETTINGS, retry_base_seconds=0.01, retry_cap_seconds=0.02, ack_timeout_seconds=0.2
)


class NoFetcher:
    """No job arrives here."""

    def stop(self) -> None:
        pass

    def is_fresh(self) -> bool:
        return True

    def close(self, seconds: float) -> None:
        pass


class FullJournal(Journal):
    """A journal on a disk that is full for a while."""

    full = False
    refused = 0

    def acknowledge(self, ids: Sequence[str]) -> int:
        if self.full:
            self.refused += 1
            raise JournalFull("no space left")
        return super().acknowledge(ids)


class World:
    """A service in a thread of the test's own, a broker in memory, a cloud that answers."""

    def __init__(self, folder: Path, kind: type[Journal] = Journal) -> None:
        self.folder = folder
        self.cloud = Cloud()
        hub = FakeHub()
        self.events = events = EventQueue()
        session = Session(FAST, random.Random(1), time.monotonic())
        inbox: Callable[[Event], None] = events.put
        line = FakeBroker(hub, THING, subscriptions(THING), inbox)
        side: list[FakeBroker] = []

        def answer(message: Any) -> None:
            if isinstance(message, MqttMessage) and side:
                for reply in self.cloud.answer(message.topic, message.payload):
                    side[0].publish(reply.topic, reply.payload)

        wanted = (f"filmupdate/{THING}", f"$aws/things/{THING}/jobs/get")
        side.append(FakeBroker(hub, "cloud", wanted, answer))
        side[0].connect()
        self.journal = kind.open(folder / JOURNAL)
        self.service = Service(session, self.journal, line, NoFetcher(), events, 0.01)  # type: ignore[arg-type]

    def run(self, until: Callable[[], bool], seconds: float = 10.0) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.service.step()
            if until():
                return True
        return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_a_full_disk_loses_nothing_and_is_not_hammered(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world = World(folder, FullJournal)
    journal = world.journal
    assert isinstance(journal, FullJournal)
    journal.full = True
    records = [feedback(number) for number in range(5)]
    with Journal.open(folder / JOURNAL) as appliance:
        for record in records:
            appliance.record_rating(record)
        assert not world.run(lambda: False, 2.0)
        assert len(world.cloud.stores.items) == 5
        assert appliance.outbox_depth()[0] == 5
        assert 1 <= journal.refused <= 12
        assert caplog.text.count("no space left") <= journal.refused
        journal.full = False
        assert world.run(lambda: appliance.outbox_depth()[0] == 0)
    assert "journal: works again" in caplog.text


def test_a_cloud_that_is_too_old_is_reported_until_it_was_deployed_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("cloud_sync.feedback.OUTDATED_CLOUD_SECONDS", 0.05)
    world, renewed = World(folder), Cloud()
    world.cloud = OldCloud()
    with Journal.open(folder / JOURNAL) as appliance:
        appliance.record_rating(feedback(1, schema_version=2))

        def problem() -> object:
            report = appliance.sync_state_of(FEEDBACK_STATE)
            return report["problem"] if isinstance(report, dict) else None

        assert world.run(lambda: problem() == CLOUD_OUTDATED)
        assert caplog.text.count("too old") == 1, "said once"
        world.cloud = renewed
        assert world.run(lambda: problem() is None)
        assert appliance.outbox_depth()[0] == 0
    assert len(renewed.stores.items) == 1


def test_a_journal_that_the_appliance_sets_aside_is_followed(folder: Path) -> None:
    world = World(folder)
    assert world.run(lambda: "not connected" not in world.service.status()[1])
    for suffix in ("", "-wal"):
        path = folder / f"{JOURNAL}{suffix}"
        path.write_bytes(b"\xff" * path.stat().st_size)
    journal, asides = open_or_set_aside(folder / JOURNAL)
    assert asides
    with journal:
        journal.record_rating(feedback(1))
        assert world.run(lambda: journal.outbox_depth()[0] == 0)
    assert len(world.cloud.stores.items) == 1


def test_stopping_is_logged_and_leaves_the_broker(folder: Path) -> None:
    world = World(folder)
    stop = threading.Event()
    stop.set()
    world.service.run(stop)
    with Journal.open(folder / JOURNAL) as journal:
        assert journal.sync_state()["connection"]["state"] == "stopped"


def test_the_state_is_shown_before_the_first_attempt(folder: Path) -> None:
    world = World(folder)
    world.journal.set_sync_state("connection", {"state": "online"})
    shown: list[Any] = []
    stop = threading.Event()

    def look() -> bool:
        shown.append(world.journal.sync_state_of("connection"))
        return True

    world.service._session = Session(SETTINGS, random.Random(1), time.monotonic())
    assert world.service.run(stop, look)
    assert shown[0]["state"] == "offline"
    assert shown[0]["reason"] == "starting"


def test_a_session_that_is_always_due_does_not_keep_the_processor_busy(folder: Path) -> None:
    class Impatient(Session):
        ticks = 0
        next_due = -math.inf  # type: ignore[assignment]  # a property of every other session

        def handle(self, event: Event, now: float) -> list[Any]:
            self.ticks += isinstance(event, Tick)
            return []

    world = World(folder)
    world.service._session = session = Impatient(FAST, random.Random(1), time.monotonic())
    began = time.monotonic()
    while session.ticks < 5:
        world.service.step()
    assert time.monotonic() - began >= 4 * 0.05


def test_a_message_that_the_session_cannot_take_ends_nothing(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("this may not end the service")

    world = World(folder)
    assert world.run(lambda: "not connected" not in world.service.status()[1])
    with monkeypatch.context() as patched:
        patched.setattr(Session, "_route", fail)
        world.events.put(MqttMessage(f"$aws/things/{THING}/jobs/notify", b"{}"))
        assert world.run(lambda: "this may not end the service" in caplog.text)
    with Journal.open(folder / JOURNAL) as journal:
        journal.record_rating(feedback(1))
        assert world.run(lambda: journal.outbox_depth()[0] == 0)


def test_the_journal_refuses_to_offer_a_version_out_of_bounds(folder: Path) -> None:
    with Journal.open(folder / JOURNAL) as journal:
        for version in (0, 2**31, 2**62, 2**63):
            with pytest.raises(JournalError, match="versions go from 1"):
                journal.offer_model(version, "0" * 64, "job", "folder")
        assert journal.incoming_models() == []
