"""The whole session: outages of every length, silence when idle, and nonsense messages."""

from __future__ import annotations

import pytest
from rig.records import BUCKET, HASH, THING, feedback
from rig.simulated_cloud import Cloud
from rig.simulation import Clock, Device, Weather

from cloud_sync import events as ev
from cloud_sync.mqtt import MqttMessage
from data import topics
from data.ids import new_id
from data.messages import ModelUpdateJob
from edge.journal import Journal


def test_an_attempt_that_hangs_is_followed_by_another(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    connect, hanging = device._connect, [True]
    device._connect = lambda: None if hanging[0] else connect()  # type: ignore[method-assign]
    clock.sleep(600)
    attempts = sum(isinstance(command, ev.Connect) for command in device.commands)
    assert 3 < attempts < 12
    hanging[0] = False
    assert clock.run(lambda: device.session.connection.online, 600)


def test_through_the_on_off_pattern_everything_arrives_soon_after_each_return(
    journal: Journal,
) -> None:
    """Minutes on and off as in Azure IoT Edge's connectivity tests; a rating every 20 seconds."""
    pattern = [(5, 5)] * 5 + [(10, 10)] * 3 + [(15, 15)] * 3 + [(30, 30)] * 2 + [(5, 20)] * 3
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal, seed=4)
    records, converged = [], []
    for on, off in pattern:
        began = clock.now
        assert clock.run(lambda: device.session.connection.online, on * 60)
        assert clock.run(lambda: journal.outbox_depth()[0] == 0, on * 60)
        converged.append(clock.now - began)
        for end, until in (
            (device.cut, began + on * 60),
            (device.repair, began + (on + off) * 60),
        ):
            while clock.now < until - 20:
                records.append(feedback(len(records)))
                journal.record_rating(records[-1])
                device.wrote()
                clock.sleep(20)
            clock.sleep(max(0.0, until - clock.now))
            end()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 600)
    assert len(cloud.stores.items) == len(cloud.stores.objects) == len(records) > 1_000
    # Full jitter up to five minutes: on average half of it, seldom all of it.
    assert max(converged) <= 305


def test_a_request_to_synchronise_does_not_wait_out_the_delay(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal, seed=3)
    device.cut()
    clock.sleep(40_000)
    device.repair()
    journal.request_sync(new_id())
    device.wrote()
    clock.sleep(5)
    assert device.session.connection.online
    assert journal.pending_requests() == []


class Watched(Device):
    """Is ticked every second, and looks at whether the session said that something was due."""

    ticks = acted = 0

    def handle(self, event: ev.Event) -> None:
        if not isinstance(event, ev.Tick):
            super().handle(event)
            return
        due, now = self.session.next_due, self.clock.now
        before = len(self.commands)
        super().handle(event)
        acted = len(self.commands) > before
        self.ticks += 1
        self.acted += acted
        assert due <= now or not acted, self.commands[before:]
        assert self.session.next_due > now, "what was due has been done, or put off"


@pytest.mark.parametrize("seed", range(4))
def test_a_tick_does_nothing_before_it_is_due_and_puts_off_the_next(
    journal: Journal, seed: int
) -> None:
    clock, cloud = Clock(), Cloud()
    weather = Weather(0.1, jitter_seconds=5, lost=0.2, doubled=0.1, drop_connection=0.02)
    device = Watched(clock, cloud, journal, seed, weather)
    for number in range(60):
        journal.record_rating(feedback(number))
        if number % 5 == 0:
            journal.request_sync(new_id())
        if number % 20 == 0:
            model = ModelUpdateJob("model-update", number + 1, BUCKET, f"models/{number}/", HASH)
            device.push(cloud.create_job(f"films-{number + 1}", model))
        if number % 7 == 0:
            (device.repair if not device.network else device.cut)()
        device.wrote()
        clock.sleep(120)
    assert device.ticks > 7_000
    assert 50 < device.acted < device.ticks / 2


def test_an_idle_appliance_sends_nothing(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    Device(clock, cloud, journal)
    clock.sleep(300)
    before = len(cloud.published)
    clock.sleep(86_400)
    assert len(cloud.published) == before


def test_a_message_that_makes_no_sense_is_reported_and_changes_nothing(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    clock.sleep(30)
    device.commands.clear()
    device.handle(MqttMessage(topics.feedback_ack(THING), b'{"outcomes": 3}'))
    (command,) = device.commands
    assert isinstance(command, ev.MessageIgnored)
    assert "outcomes" in command.reason
