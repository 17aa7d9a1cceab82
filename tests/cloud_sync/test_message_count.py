"""How many messages a device exchanges with AWS IoT: docs/costs.md multiplies these figures.

AWS meters what it takes and what it delivers: a publish is one message, and one that is delivered
with QoS 1 is two, since the device confirms it.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from rig.records import BUCKET, HASH, THING, feedback
from rig.simulated_cloud import Cloud
from rig.simulation import Clock, Device

from cloud_sync.mqtt import MqttMessage
from cloud_sync.session import subscriptions
from data import topics, wire
from data.films import Combination
from data.ids import new_id
from data.messages import ModelUpdateJob, VerificationRequest
from edge.journal import Journal

COSTS = Path(__file__).parents[2] / "docs" / "costs.md"
JOBS = topics.jobs(THING)
# What a function answers, it first publishes to the broker.
FROM_FUNCTIONS = (topics.feedback_ack(THING), topics.verification_reply(THING))


class Metered(Device):
    """Counts its messages as AWS does, and its reports to the shadow apart from them."""

    messages = reports = 0

    def _publish(self, command):  # type: ignore[no-untyped-def]  # as in Device
        if command.topic == topics.shadow_update(THING):
            self.reports += 1
        else:
            self.messages += 1
        super()._publish(command)

    def _deliver(self, message: MqttMessage) -> None:
        self.messages += 3 if message.topic in FROM_FUNCTIONS else 2
        super()._deliver(message)


class AwsCloud(Cloud):
    """Notifies of jobs like AWS: on both topics, when one is added to those pending or leaves."""

    def truly_answer(self, topic: str, payload: bytes) -> list[MqttMessage]:
        replies = [
            one for one in super().truly_answer(topic, payload) if one != self.notification()
        ]
        ended = topic.endswith("/update") and topic.startswith(JOBS)
        ended = ended and msgspec.json.decode(payload)["status"] != "IN_PROGRESS"
        return [*replies, *(self.notifications() if ended else ())]

    def notifications(self) -> list[MqttMessage]:
        return [self.notification(), MqttMessage(f"{JOBS}/notify-next", b'{"jobs":{}}')]


def settled(journal: Journal) -> tuple[Clock, AwsCloud, Metered]:
    """Return a device that has connected and done everything."""
    clock, cloud = Clock(), AwsCloud()
    device = Metered(clock, cloud, journal)
    clock.sleep(300)
    assert device.session.settled
    return clock, cloud, device


def written(pattern: str) -> tuple[int, ...]:
    """Return the numbers of the one passage of the page on costs that has this form."""
    [found] = re.findall(pattern, COSTS.read_text("utf-8"))
    return tuple(int(number) for number in ((found,) if isinstance(found, str) else found))


def test_a_connect_costs_what_is_written(journal: Journal) -> None:
    _, _, device = settled(journal)
    counted = 1 + len(subscriptions(THING)) + device.messages
    assert written(r"a connect causes (\d+)") == (device.reports,)
    _, each, many, _ = written(
        r"(\d+) connects x (\d+) \(connect, (\d+) subscriptions.*?\) = (\d+)"
    )
    assert (each, many) == (counted, len(subscriptions(THING)))


def test_a_rating_costs_what_is_written(journal: Journal) -> None:
    clock, _, device = settled(journal)
    messages, reports = device.messages, device.reports
    journal.record_rating(feedback(1))
    device.wrote()
    clock.sleep(300)
    assert journal.outbox_depth()[0] == 0
    assert written(r"(\d+) ratings x (\d+) \(") == (30, device.messages - messages)
    assert written(r"a rating causes (\d+)") == (device.reports - reports,)


def test_a_verification_costs_what_is_written(journal: Journal) -> None:
    clock, _, device = settled(journal)
    messages, reports = device.messages, device.reports
    rows = (Combination("Ann Bee", 2020, ("Drama",)),)
    asked = VerificationRequest(new_id(), HASH, rows)
    journal.request_sync(new_id(), asked, (6.5,))
    device.wrote()
    clock.sleep(300)
    assert journal.pending_requests() == []
    assert written(r"(\d+) verifications x (\d+)") == (30, device.messages - messages)
    assert device.reports - reports <= 1, "the first one only"


def test_an_update_costs_what_is_written(journal: Journal) -> None:
    clock, cloud, device = settled(journal)
    messages, reports = device.messages, device.reports
    document = ModelUpdateJob("model-update", 2, BUCKET, "models/films/2/", HASH)
    cloud.create_job("films-2", wire.encode(document))
    for notice in cloud.notifications():
        device.push(notice)
    assert clock.run(lambda: bool(journal.incoming_models()), 300)
    [offer] = journal.incoming_models()
    journal.record_activation(2, HASH, "activated", "", None, offer)
    device.wrote()
    clock.sleep(600)
    assert cloud.jobs["films-2"]["status"] == "SUCCEEDED"
    assert written(r"(\d+) updates x (\d+) \(") == (4, device.messages - messages)
    assert written(r"an update causes (\d+)") == (device.reports - reports,)


def test_the_sums_are_right() -> None:
    connects, ratings, verifications, updates, reports, together = written(
        r"device: 4 .*? = (\d+); 30 .*? = (\d+); 30 .*? = (\d+); 4 .*? = (\d+); (\d+) .*? (\d+)\. K"
    )
    assert (connects, ratings, verifications, updates) == (4 * 12, 30 * 4, 30 * 7, 4 * 32)
    assert reports == 4 * 1 + 30 * 2 + 4 * 2
    assert together == connects + ratings + verifications + updates + reports
    assert written(r"messages, counted below \| (\d+),000 ") == (together,)
    assert written(r"shadow updates, counted below \| (\d+),000 ") == (reports,)
