"""A fleet doesn't stampede, and loses nothing by waiting. `make fleet` runs the whole of it."""

from __future__ import annotations

from rig.fleet import CONNECTS_A_SECOND, DAY, Fleet, Interruption

# Stands for ten thousand: the limits of an account are scaled alike.
SIZE = 400
SHARE = SIZE / 10_000


def test_a_fleet_comes_back_below_the_accounts_limits_and_loses_nothing() -> None:
    blip, outage = Interruption(0.5 * DAY, 2), Interruption(0.6 * DAY, 120)
    day = Fleet(SIZE, [blip, outage], share=SHARE).run()
    assert day.peak_connects < CONNECTS_A_SECOND * SHARE
    assert day.connects_refused == 0
    assert day.jobs_throttled > 0, "a limit that was never reached shows nothing"
    assert day.online == day.updated == SIZE
    assert day.given
    assert day.stored == len(day.given)
    assert day.waiting == 0
    assert blip.settled_after is not None
    assert outage.settled_after is not None
    assert blip.settled_after < 300


def test_a_first_retry_within_a_second_would_stampede() -> None:
    blip = Interruption(0.04 * DAY, 2)
    day = Fleet(SIZE, [blip], base_seconds=1.0, share=SHARE).run(0.1 * DAY)
    assert day.peak_connects > CONNECTS_A_SECOND * SHARE
    assert day.connects_refused > 0
