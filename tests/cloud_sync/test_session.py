"""The session's own decisions: when to connect, how fast to publish, what to verify and report."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rig.records import HASH, THING, feedback
from rig.simulated_cloud import Cloud
from rig.simulation import Clock, Device, memory_journal

from cloud_sync import events as ev
from cloud_sync.connection import Backoff, Connection, ConnectionState
from cloud_sync.mqtt import MqttMessage
from cloud_sync.rate_limit import Publish, RateLimiter
from cloud_sync.verification import compare
from data import limits, topics
from data.films import Combination
from data.ids import new_id
from data.messages import VerificationReply, VerificationRequest
from edge.journal import Journal

ROWS = (Combination("Ann Bee", 2020, ("Drama",)), Combination("Cy Dee", 1999, ("Comedy",)))
BACKOFF = Backoff(1.0, 300.0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with memory_journal(tmp_path) as opened:
        yield opened


@given(attempts=st.integers(0, 10_000), seed=st.integers())
def test_waits_are_jittered_fully_and_never_beyond_the_cap(attempts: int, seed: int) -> None:
    wait = BACKOFF.delay(attempts, random.Random(seed))
    assert 0 <= wait <= min(300.0, 2.0 ** min(attempts, 20))


def test_a_thousand_appliances_do_not_return_together() -> None:
    firsts = [Connection(BACKOFF, random.Random(seed), 0.0).next_try for seed in range(1_000)]
    by_tenth = [sum(int(first * 10) == tenth for first in firsts) for tenth in range(10)]
    assert max(by_tenth) < 200


def test_a_connection_that_drops_at_once_is_not_hammered_and_a_stable_one_is_forgiven() -> None:
    link, now = Connection(BACKOFF, random.Random(1), 0.0), 0.0
    for _ in range(8):
        now = max(now, link.next_try)
        assert link.due(now)
        link.connected(now)
        now += 0.1
        link.dropped("lost", now)
    assert link.attempts == 8
    now = link.next_try
    assert link.due(now)
    link.connected(now)
    link.dropped("lost", now + BACKOFF.stable_seconds)
    assert link.attempts == 0


def test_while_connecting_it_does_not_connect_again() -> None:
    link = Connection(BACKOFF, random.Random(1), 0.0)
    assert link.due(1.0)
    assert not link.due(1_000.0)
    assert link.state is ConnectionState.CONNECTING


def test_an_attempt_that_hangs_for_ever_is_followed_by_another(journal: Journal) -> None:
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
            (device.mend, began + (on + off) * 60),
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
    device.mend()
    journal.request_sync(new_id())
    device.wrote()
    clock.sleep(5)
    assert device.session.connection.online
    assert journal.pending_requests() == []


@given(st.lists(st.floats(0, 0.3), max_size=400))
def test_no_second_sees_more_publishes_than_the_limit(gaps: list[float]) -> None:
    pace, now, sent = RateLimiter(10), 0.0, []
    for number, gap in enumerate(gaps):
        now += gap
        sent += [(now, one) for one in pace.offer(Publish("t", b"%d" % number), now)]
    while pace.waiting:
        now += 0.1
        sent += [(now, one) for one in pace.tick(now)]
    assert [one.payload for _, one in sent] == [b"%d" % n for n in range(len(gaps))][-len(sent) :]
    moments = [moment for moment, _ in sent]
    for first, eleventh in zip(moments, moments[10:], strict=False):
        assert eleventh - first > 1.0


def test_messages_held_back_are_bounded() -> None:
    pace = RateLimiter(1)
    for _ in range(10_000):
        pace.offer(Publish("t", b""), 0.0)
    assert pace.waiting <= 256


def verify(journal: Journal, own: tuple[float, ...] = (6.5, 6.5), **reply: object) -> str:
    request = VerificationRequest(new_id(), HASH, ROWS)
    journal.request_sync(new_id(), request, own)
    clock, cloud = Clock(), Cloud()
    agreeing = cloud.scores
    cloud.scores = lambda asked: msgspec.structs.replace(agreeing(asked), **reply)
    device = Device(clock, cloud, journal)
    device.wrote()
    assert clock.run(lambda: journal.pending_requests() == [], 3_600)
    assert device.session._verifier.last is not None
    clock.sleep(120)
    assert cloud.shadow[-1].last_verification == device.session._verifier.last.outcome
    if device.session._verifier.last.outcome == "differed":
        assert cloud.shadow[-1].state == "attention"
    return device.session._verifier.last.outcome


def test_equal_scores_agree(journal: Journal) -> None:
    assert verify(journal, (6.5, 6.5 + limits.ROUNDING_TOLERANCE / 2)) == "agreed"


def test_a_difference_over_tolerance_raises_attention(journal: Journal) -> None:
    assert verify(journal, (6.5, 6.5 + 2 * limits.ROUNDING_TOLERANCE)) == "differed"


def test_another_models_scores_are_not_compared(journal: Journal) -> None:
    assert verify(journal, (1.0, 9.0), model_hash="f" * 64) == "skipped"


def test_an_error_in_the_cloud_is_told(journal: Journal) -> None:
    assert verify(journal, error="the endpoint sleeps", scores=()) == "failed"


def test_a_reply_that_lacks_rows_is_a_failure(journal: Journal) -> None:
    assert verify(journal, scores=(6.5,)) == "failed"


def test_a_reply_to_another_request_is_passed_over(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    request = VerificationRequest(new_id(), HASH, ROWS)
    cloud.scores = lambda asked: VerificationReply(new_id(), HASH, (6.5, 6.5))
    journal.request_sync(new_id(), request, (6.5, 6.5))
    device.wrote()
    clock.sleep(600)
    assert len(journal.pending_requests()) == 1


@pytest.mark.parametrize("own", [7.5, 6.5])
def test_the_verdict_names_the_worst_difference_in_either_direction(own: float) -> None:
    request = VerificationRequest(new_id(), HASH, ROWS)
    reply = VerificationReply(request.request_id, HASH, (6.0, 7.0))
    result = compare(request, (6.0, own), reply)
    assert (result.outcome, result.worst_difference) == ("differed", 0.5)


def test_the_shadow_is_told_of_changes_and_at_most_once_a_minute(journal: Journal) -> None:
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


def test_the_shadow_tells_how_many_ratings_were_put_aside(journal: Journal) -> None:
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


def test_an_idle_appliance_sends_nothing(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    Device(clock, cloud, journal)
    clock.sleep(300)
    before = len(cloud.published)
    clock.sleep(86_400)
    assert len(cloud.published) == before


def test_a_message_that_makes_no_sense_is_told_of_and_changes_nothing(journal: Journal) -> None:
    clock, cloud = Clock(), Cloud()
    device = Device(clock, cloud, journal)
    clock.sleep(30)
    device.commands.clear()
    device.handle(MqttMessage(topics.feedback_ack(THING), b'{"outcomes": 3}'))
    (command,) = device.commands
    assert isinstance(command, ev.MessageIgnored)
    assert "outcomes" in command.reason
