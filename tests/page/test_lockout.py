"""Guessing the PIN is slow, and never keeps the owner out."""

from __future__ import annotations

from edge.page.lockout import FREE_GUESSES, LONGEST_LOCK_SECONDS, Lockout


def guess_wrong(lockout: Lockout, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        lockout.guessed_wrong(now)


def test_a_few_slips_of_the_finger_cost_nothing():
    lockout = Lockout()
    guess_wrong(lockout, FREE_GUESSES - 1)
    assert lockout.seconds_left(0.0) == 0


def test_then_each_wrong_pin_locks_for_twice_as_long_up_to_an_hour():
    lockout = Lockout()
    guess_wrong(lockout, FREE_GUESSES)
    waits = [lockout.seconds_left(0.0)]
    for _ in range(8):
        now = sum(waits)
        assert lockout.seconds_left(now) == 0
        lockout.guessed_wrong(now)
        waits.append(lockout.seconds_left(now))
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == LONGEST_LOCK_SECONDS


def test_a_press_of_the_button_opens_the_door_and_forgets():
    lockout = Lockout()
    guess_wrong(lockout, FREE_GUESSES + 3)
    lockout.lift()
    assert lockout.seconds_left(0.0) == 0
    guess_wrong(lockout, FREE_GUESSES - 1)
    assert lockout.seconds_left(0.0) == 0


def test_the_right_pin_gives_the_free_guesses_back():
    lockout = Lockout()
    guess_wrong(lockout, FREE_GUESSES - 1)
    lockout.guessed_right()
    guess_wrong(lockout, FREE_GUESSES - 1)
    assert lockout.seconds_left(0.0) == 0


def test_years_of_guessing_do_not_overflow():
    lockout = Lockout()
    guess_wrong(lockout, 5_000)
    assert lockout.seconds_left(0.0) == LONGEST_LOCK_SECONDS
