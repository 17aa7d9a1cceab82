"""How fast to publish: a limit per second, and a bound on what waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync.rate_limit import Publish, RateLimiter


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
        assert eleventh >= first + 1.0


def test_messages_held_back_are_bounded() -> None:
    pace = RateLimiter(1)
    for _ in range(10_000):
        pace.offer(Publish("t", b""), 0.0)
    assert pace.waiting <= 256
