"""When to connect again: delays grow, are jittered and bounded."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.connection import Backoff, Connection, ConnectionState

BACKOFF = Backoff(1.0, 300.0)


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


def test_the_first_attempt_is_spread_over_the_whole_first_wait() -> None:
    spread = Backoff(60.0, 300.0)
    waits = [Connection(spread, random.Random(seed), 0.0).next_try for seed in range(10_000)]
    by_second = [sum(int(wait) == second for wait in waits) for second in range(60)]
    assert max(by_second) < 250
    assert min(by_second) > 100


def test_while_connecting_it_does_not_connect_again() -> None:
    link = Connection(BACKOFF, random.Random(1), 0.0)
    assert link.due(1.0)
    assert not link.due(1_000.0)
    assert link.state is ConnectionState.CONNECTING
