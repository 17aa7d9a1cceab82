"""Feedback on its way up: every rating arrives, each once, whatever the network does."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig.records import THING, feedback
from rig.simulation import Clock, Cloud, Device, Weather, memory_journal

from cloud_sync.feedback import Acknowledge
from cloud_sync.mqtt import Message
from cloud_sync.pace import Publish
from data import limits, topics, wire
from data.ids import new_id
from data.messages import Ack, Feedback, Outcome
from edge.journal import Journal

DAY = 86_400.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with memory_journal(tmp_path) as opened:
        yield opened


def rate(journal: Journal, count: int, start: int = 0) -> list[Feedback]:
    records = [feedback(start + number) for number in range(count)]
    for record in records:
        journal.record_rating(record)
    return records


def feedback_id(payload: bytes) -> bytes:
    found = re.search(rb'"id":"([^"]+)"', payload)
    assert found
    return found[1]


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
    device.mend()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 600)
    stored_once(cloud, records)


def test_only_the_applications_ack_removes_a_record(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.answer = lambda topic, payload: []  # type: ignore[method-assign]
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


def test_a_record_the_cloud_rejects_is_put_aside_with_the_reason(journal: Journal) -> None:
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
        (poison.id, "id: another record with this id was stored before")
    ]
    assert topics.feedback_key(good.id) in cloud.stores.items


def test_a_record_that_cannot_be_read_is_put_aside_and_blocks_nothing(journal: Journal) -> None:
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
    answer, arrived = cloud.answer, list[bytes]()

    def unheard_at_first(topic: str, payload: bytes) -> list[Message]:
        if topic != topics.feedback(THING):
            return answer(topic, payload)
        arrived.append(payload)
        heard = answer(topic, payload)
        return heard if len(arrived) > 2 else []

    # The same cloud, behind a line that loses its first answers.
    cloud.answer = unheard_at_first  # type: ignore[method-assign]
    before = feedback(1, thing="NameBefore")
    journal.record_rating(before)
    Device(clock, cloud, journal).wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 600)
    assert journal.quarantined() == []
    assert len(set(arrived)) == 1, "every resend is the same, so that it counts as a duplicate"
    (kept,) = cloud.stores.objects.values()
    assert wire.decode(kept, Feedback) == msgspec.structs.replace(before, thing=THING)


def test_a_record_spoilt_since_its_capture_is_rejected_by_the_cloud_and_put_aside(
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
    cloud.answer = lambda topic, payload: (  # type: ignore[method-assign]
        [] if silent.encode() in payload else answer(topic, payload)
    )
    device = Device(clock, cloud, journal)
    device.wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 1, DAY)
    stored_once(cloud, records[1:])
    cloud.answer = answer  # type: ignore[method-assign]
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, DAY)
    stored_once(cloud, records)


def test_an_ack_of_records_that_were_not_sent_changes_nothing(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    cloud.answer = lambda topic, payload: []  # type: ignore[method-assign]
    device = Device(clock, cloud, journal)
    rate(journal, 1)
    device.wrote()
    clock.sleep(10)
    later = rate(journal, 1, start=1)[0]
    forged = wire.encode(Ack((Outcome(later.id, "stored"), Outcome("no-such-id", "stored"))))
    device.handle(Message(topics.feedback_ack(THING), forged))
    assert journal.outbox_depth()[0] == 2


def test_an_ack_that_comes_after_the_resend_still_counts(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal, weather=Weather(latency_seconds=25))
    records = rate(journal, 10)
    device.wrote()
    assert clock.run(lambda: journal.outbox_depth()[0] == 0, 3_600)
    stored_once(cloud, records)


def test_a_month_offline_drains_in_order_at_the_clouds_limits(tmp_path: Path) -> None:
    """50,000 ratings, captured by a clock that begins in 1970 and jumps."""
    clock, cloud = Clock(), Cloud()
    with memory_journal(tmp_path) as journal:
        device = Device(clock, cloud, journal, weather=Weather(latency_seconds=0.1))
        device.keep_commands = False
        device.cut()
        stamps = ("1970-01-01T00:00:09Z", "2038-01-19T03:14:08Z", "2026-11-22T15:00:00Z")
        month, order = 50_000, []
        template = wire.encode(feedback(0, rated_at="WHEN"))
        name = feedback_id(template)
        with journal.transaction() as connection:
            for number in range(month):
                order.append(new_id())
                stamp = stamps[number % 3]
                payload = template.replace(name, order[-1].encode()).replace(
                    b"WHEN", stamp.encode()
                )
                connection.execute(
                    "INSERT INTO outbox (id, captured_at, payload) VALUES (?, ?, ?)",
                    (order[-1], stamp, payload),
                )
        arrived: list[bytes] = []
        answer = cloud.answer

        def listening(topic: str, payload: bytes) -> list[object]:
            if topic == topics.feedback(THING):
                arrived.extend(re.findall(rb'"id":"([^"]+)"', payload))
            return answer(topic, payload)  # type: ignore[return-value]

        cloud.answer = listening  # type: ignore[method-assign, assignment]
        device.poll_seconds = 60.0
        clock.sleep(DAY)
        tracemalloc.start()
        after_a_day = tracemalloc.get_traced_memory()[0]
        clock.sleep(29 * DAY)
        grown = tracemalloc.get_traced_memory()[0] - after_a_day
        tracemalloc.stop()
        device.poll_seconds = 1.0
        clock.sleep(30)
        attempts_offline = device.session.link.attempts
        device.mend()
        device.journal.request_sync("hurry")
        device.wrote()
        began = clock.now
        assert clock.run(lambda: journal.outbox_depth()[0] == 0, 600)
        took = clock.now - began
    assert took < 120
    assert grown < 100_000
    assert arrived == [one.encode() for one in order]
    assert len(cloud.stores.items) == len(cloud.stores.objects) == month
    # A month of failing every 150 seconds on average, not a hammering.
    assert attempts_offline < 30 * DAY / 100
    by_second: dict[int, int] = {}
    for moment, _, _ in cloud.published:
        by_second[int(moment)] = by_second.get(int(moment), 0) + 1
    assert max(by_second.values()) <= limits.MAX_PUBLISHES_PER_SECOND


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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
