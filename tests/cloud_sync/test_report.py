"""What the device reports to its shadow, and how often."""

from __future__ import annotations

import itertools

from rig.records import feedback
from rig.simulated_cloud import Cloud
from rig.simulation import Clock, Device

from data import topics
from edge.journal import Journal


def test_the_shadow_is_updated_on_change_and_at_most_once_a_minute(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    clock.sleep(3_600)
    assert len(cloud.shadow) == 1
    for number in range(600):
        journal.record_rating(feedback(number))
        device.wrote()
        clock.sleep(1)
    reports = [moment for moment, topic, _ in cloud.published if "shadow" in topic]
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(reports))
    clock.sleep(120)
    assert cloud.shadow[-1].outbox_depth == 0


def test_the_shadow_counts_the_ratings_that_were_set_aside(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    with journal.transaction() as connection:
        connection.execute("INSERT INTO outbox (id, captured_at, payload) VALUES ('x', '', x'7b')")
    refused = feedback(1)
    taken = topics.feedback_key(refused.id)
    cloud.stores.items[taken] = {"pk": "x", "sha256": "another"}
    journal.record_rating(refused)
    device.wrote()
    assert clock.run(lambda: cloud.shadow[-1:] and aside(cloud) == 2, 300)
    assert cloud.shadow[-1].outbox_depth == 0
    with journal.transaction() as connection:
        connection.execute("DELETE FROM outbox WHERE id = 'x'")
    del cloud.stores.items[taken]
    assert journal.retry_quarantined() == 1
    device.wrote()
    assert clock.run(lambda: aside(cloud) == 0, 300)
    assert taken in cloud.stores.items


def aside(cloud: Cloud) -> object:
    return cloud.shadow[-1].outbox_quarantined
