"""Feedback on its way up: every rating arrives, each once, whatever the network does."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig.records import THING, feedback
from rig.simulated_cloud import Cloud, OldCloud
from rig.simulation import Clock, Device, Weather, memory_journal

from cloud_sync.feedback import (
    OUTDATED_CLOUD_SECONDS,
    Acknowledge,
    CloudOutdated,
    SendFeedback,
    Uplink,
)
from cloud_sync.mqtt import MqttMessage
from cloud_sync.rate_limit import Publish
from data import limits, topics, wire
from data.errors import InvalidRecord
from data.ids import new_id
from data.messages import Ack, Feedback, FeedbackBatch, FeedbackOutcome
from edge.journal import Journal

DAY = 86_400.0


def rate(journal: Journal, count: int, start: int = 0) -> list[Feedback]:
    records = [feedback(start + number) for number in range(count)]
    for record in records:
        journal.record_rating(record)
    return records


def batches(cloud: Cloud) -> list[int]:
    return [size for _, topic, size in cloud.published if topic == topics.feedback(THING)]


def stored_once(cloud: Cloud, records: list[Feedback]) -> None:
    """Each record is in both stores, and nothing else is."""
    assert set(cloud.stores.items) == {topics.feedback_key(one.id) for one in records}
    assert set(cloud.stores.objects) == {topics.feedback_object(one.id) for one in records}


def test_ratings_given_offline_arrive_when_the_network_returns(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    device.cut()
    records = rate(journal, 500)
    device.wrote()
    clock.sleep(DAY)
    assert journal.outbox_depth()[0] == 500
    device.repair()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 600)
    stored_once(cloud, records)


def test_only_the_applications_ack_removes_a_record(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.answer = lambda topic, payload: []
    device = Device(clock, cloud, journal)
    rate(journal, 3)
    device.wrote()
    clock.sleep(600)
    assert len(batches(cloud)) > 1
    assert journal.outbox_depth()[0] == 3


def test_one_batch_is_in_flight_and_none_exceeds_the_limits(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    rate(journal, 1_000)
    device.wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 600)
    in_flight = most = 0
    for command in device.commands:
        in_flight += isinstance(command, Publish) and command.topic == topics.feedback(THING)
        in_flight -= isinstance(command, Acknowledge)
        most = max(most, in_flight)
    assert most == 1
    assert max(batches(cloud)) <= limits.MAX_PAYLOAD_BYTES
    assert len(batches(cloud)) < 1_000 / 20


def test_what_was_read_before_the_connection_broke_makes_no_second_batch(journal: Journal) -> None:
    """Reading the outbox takes its time: its answer may come once the next one is asked for."""
    uplink = Uplink(THING, 10.0, random.Random(1))
    rate(journal, 3)
    (first,) = uplink.look(0.0)
    uplink.offline()
    (second,) = uplink.look(1.0)
    rows = journal.peek_outbox(second.limit)
    sent = [*uplink.found(rows[: first.limit], 2.0), *uplink.found(rows, 2.0)]
    assert [type(one) for one in sent] == [SendFeedback]


def test_a_batch_of_the_longest_records_stays_within_the_byte_limit(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    # The longest title, in characters of four bytes: fewer than two hundred fill a message.
    records = [feedback(number, title=f"{number:03}" + "\U0001f3ac" * 397) for number in range(200)]
    for record in records:
        journal.record_rating(record)
    assert sum(len(wire.encode(one)) for one in records) > 3 * limits.MAX_PAYLOAD_BYTES
    try:
        device.wrote()
        assert clock.run(lambda: journal.outbox_depth()[0] == 0, 600)
    except InvalidRecord as error:
        raise AssertionError("a batch was too large to be sent") from error
    stored_once(cloud, records)
    assert max(batches(cloud)) <= limits.MAX_PAYLOAD_BYTES
    assert max(batches(cloud)) > limits.MAX_PAYLOAD_BYTES // 2, "a batch is as large as it may be"


def test_a_record_the_cloud_rejects_is_set_aside_with_the_reason(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    good = feedback(1)
    poison = feedback(2)
    cloud.stores.items[topics.feedback_key(poison.id)] = {"pk": "x", "sha256": "another"}
    journal.record_rating(poison)
    journal.record_rating(good)
    device.wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 60)
    assert [(row.id, row.reason) for row in journal.quarantined()] == [
        (poison.id, "a different record with this id was stored before")
    ]
    assert topics.feedback_key(good.id) in cloud.stores.items


def test_a_record_that_cannot_be_read_is_set_aside_and_blocks_nothing(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    with journal.transaction() as connection:
        for name, payload in (("bad-1", b"{"), ("bad-2", b"\xff"), ("bad-3", b"")):
            connection.execute(
                "INSERT INTO outbox (id, captured_at, payload) VALUES (?, '', ?)", (name, payload)
            )
    records = rate(journal, 5)
    device.wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 60)
    stored_once(cloud, records)
    assert {row.id for row in journal.quarantined()} == {"bad-1", "bad-2", "bad-3"}


def test_a_rating_of_another_name_is_sent_under_this_devices(journal: Journal) -> None:
    """Rated before the device was connected: the certificate says what it is called."""
    clock, cloud = Clock(), Cloud()
    arrived: list[bytes] = []

    def unheard_at_first(topic: str, payload: bytes) -> list[MqttMessage]:
        heard = cloud.truly_answer(topic, payload)
        if topic != topics.feedback(THING):
            return heard
        arrived.append(payload)
        return heard if len(arrived) > 2 else []

    cloud.answer = unheard_at_first
    before = feedback(1, thing="NameBefore")
    journal.record_rating(before)
    Device(clock, cloud, journal).wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 600)
    assert journal.quarantined() == []
    assert len(set(arrived)) == 1, "every resend is the same, so that it counts as a duplicate"
    (kept,) = cloud.stores.objects.values()
    assert wire.decode(kept, Feedback) == msgspec.structs.replace(before, thing=THING)


def test_a_record_corrupted_since_its_capture_is_rejected_by_the_cloud_and_set_aside(
    journal: Journal,
) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    spoilt = feedback(1)
    payload = wire.encode(spoilt).replace(b'"stars":2', b'"stars":99')
    with journal.transaction() as connection:
        connection.execute(
            "INSERT INTO outbox (id, captured_at, payload) VALUES (?, '', ?)", (spoilt.id, payload)
        )
    records = rate(journal, 5)
    device.wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 60)
    stored_once(cloud, records)
    (row,) = journal.quarantined()
    assert row.id == spoilt.id
    assert "stars" in (row.reason or "")


def test_a_record_that_never_gets_an_answer_blocks_nothing(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    records = rate(journal, 300)
    silent, answer = records[0].id, cloud.answer
    cloud.answer = lambda topic, payload: (
        [] if silent.encode() in payload else answer(topic, payload)
    )
    device = Device(clock, cloud, journal)
    device.wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 1, DAY)
    stored_once(cloud, records[1:])
    cloud.answer = answer
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, DAY)
    stored_once(cloud, records)


def test_an_ack_of_records_that_were_not_sent_changes_nothing(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.answer = lambda topic, payload: []
    device = Device(clock, cloud, journal)
    rate(journal, 1)
    device.wrote()
    clock.sleep(10)
    later = rate(journal, 1, start=1)[0]
    forged = wire.encode(
        Ack((FeedbackOutcome(later.id, "stored"), FeedbackOutcome("no-such-id", "stored")))
    )
    device.handle(MqttMessage(topics.feedback_ack(THING), forged))
    assert journal.outbox_depth()[0] == 2


def test_an_ack_that_comes_after_the_resend_still_counts(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal, weather=Weather(latency_seconds=25))
    records = rate(journal, 10)
    device.wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 3_600)
    stored_once(cloud, records)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    lost=st.floats(0, 0.4),
    doubled=st.floats(0, 0.5),
    drops=st.floats(0, 0.2),
    kills=st.lists(st.floats(1, 400), max_size=5),
)
def test_lost_doubled_delayed_messages_and_power_cuts_lose_nothing_and_repeat_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    lost: float,
    doubled: float,
    drops: float,
    kills: list[float],
) -> None:
    clock, cloud = Clock(), Cloud()
    weather = Weather(0.05, 20.0, lost, doubled, drops)
    with memory_journal(tmp_path_factory.mktemp("chaos")) as journal:
        device = Device(clock, cloud, journal, seed, weather)
        records = rate(journal, 60)
        device.wrote()
        for after in kills:
            clock.sleep(after)
            device.kill()
            records += rate(journal, 5, len(records))
            clock.sleep(10)
            device.start()
        clock.sleep(2_000)
        device.weather = Weather(0.05)
        device.wrote()
        assert clock.run(lambda: journal.outbox_depth()[0] == 0, 50_000)
    stored_once(cloud, records)


@pytest.mark.parametrize("asked", [False, True])
def test_what_the_cloud_cannot_read_yet_waits_and_is_sent_once_it_can(
    journal: Journal, asked: bool
) -> None:
    clock, cloud = Clock(), OldCloud()
    device = Device(clock, cloud, journal)
    old = feedback(1)
    first = feedback(2, schema_version=2)
    withdrawn = msgspec.structs.replace(
        first, id=new_id(), stars=None, rating=None, replaces=first.id
    )
    for record in (old, first, withdrawn):
        assert journal.record_rating(record)
    captured = [msgspec.Raw(row.payload) for row in journal.peek_outbox(9)[1:]]
    device.wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 2, 60), "what it can read is stored"
    sent = len(batches(cloud))
    clock.run(lambda: False, OUTDATED_CLOUD_SECONDS / 2)
    assert len(batches(cloud)) == sent, "not again and again"
    assert journal.quarantined() == [], "nothing is wrong with them"
    renewed = Cloud(cloud.thing)
    cloud.answer = renewed.truly_answer
    if asked:
        device.journal.request_sync("now")
        device.wrote()
    within = 60 if asked else 2 * OUTDATED_CLOUD_SECONDS
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, within)
    stored_once(renewed, [first, withdrawn])
    assert [one for one in device.commands if isinstance(one, CloudOutdated)] == [
        *(CloudOutdated(outdated=True), CloudOutdated(outdated=False)),
    ]
    last = [one for one in device.commands if isinstance(one, Publish)][-1].payload
    assert list(FeedbackBatch.read(last).records) == captured, "byte for byte as captured"
