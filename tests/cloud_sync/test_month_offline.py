"""A simulated month without a cloud: the outbox stays bounded and in order, and drains soon."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

from rig.records import THING, feedback
from rig.simulated_cloud import Cloud
from rig.simulation import Clock, Device, Weather, memory_journal

from cloud_sync.mqtt import MqttMessage
from data import limits, topics, wire
from data.ids import new_id

DAY = 86_400.0


def feedback_id(payload: bytes) -> bytes:
    found = re.search(rb'"id":"([^"]+)"', payload)
    assert found
    return found[1]


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

        def listening(topic: str, payload: bytes) -> list[MqttMessage]:
            if topic == topics.feedback(THING):
                arrived.extend(re.findall(rb'"id":"([^"]+)"', payload))
            return cloud.truly_answer(topic, payload)

        cloud.answer = listening
        device.poll_seconds = 60.0
        clock.sleep(DAY)
        tracemalloc.start()
        after_a_day = tracemalloc.get_traced_memory()[0]
        clock.sleep(29 * DAY)
        grown = tracemalloc.get_traced_memory()[0] - after_a_day
        tracemalloc.stop()
        device.poll_seconds = 1.0
        clock.sleep(30)
        attempts_offline = device.session.connection.attempts
        device.repair()
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
