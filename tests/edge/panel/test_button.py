"""The length of a press decides what it means, however the contact bounces."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Config
from edge.panel.button import (
    STUCK_SECONDS,
    Button,
    ButtonObserver,
    ButtonPressed,
    ButtonReleased,
    ButtonStuck,
    Gesture,
    StageReached,
    gesture_of,
)

BOUNCE = Config().button_bounce_seconds


@pytest.mark.parametrize(
    ("seconds", "press"),
    [
        (0.0, Gesture.NOTHING),
        (0.049, Gesture.NOTHING),
        (0.05, Gesture.SHORT),
        (0.999, Gesture.SHORT),
        (1.0, Gesture.NOTHING),
        (1.999, Gesture.NOTHING),
        (2.0, Gesture.APPROVE),
        (4.999, Gesture.APPROVE),
        (5.0, Gesture.SYNC),
        (9.999, Gesture.SYNC),
        (10.0, Gesture.SHUT_DOWN),
        (19.999, Gesture.SHUT_DOWN),
        (20.0, Gesture.PAIR),
        (30.0, Gesture.PAIR),
        (30.001, Gesture.NOTHING),
        (3600.0, Gesture.NOTHING),
    ],
)
def test_the_boundaries_are_those_of_the_table(seconds, press):
    assert gesture_of(seconds) is press


def play(button: Button, edges: list[tuple[float, bool]], until: float) -> list:
    """Feed edges in time order, advancing to each deadline on the way, as the shell does."""
    happened = []
    for at, down in [*edges, (until, None)]:
        while (due := button.deadline) is not None and due <= at:
            happened += button.advance(due)
        if down is not None:
            happened += button.edge(down, at)
    return happened


def releases(happened: list) -> list[ButtonReleased]:
    return [one for one in happened if isinstance(one, ButtonReleased)]


def test_a_clean_short_press_is_answered_at_its_release():
    button = Button(BOUNCE)
    assert button.edge(True, 10.0) == [ButtonPressed()]
    assert button.advance(10.05) == [StageReached(Gesture.SHORT)]
    (released,) = button.edge(False, 10.3)
    assert released.gesture is Gesture.SHORT
    assert released.seconds == pytest.approx(0.3)


def test_a_contact_that_rattles_at_both_ends_is_one_press():
    rattle = [(0.0, True), (0.002, False), (0.004, True), (0.009, False), (0.012, True)]
    lift = [(0.4, False), (0.403, True), (0.41, False), (0.42, True), (0.43, False)]
    happened = play(Button(BOUNCE), rattle + lift, 5.0)
    assert [released.gesture for released in releases(happened)] == [Gesture.SHORT]
    assert happened.count(ButtonPressed()) == 1


def test_a_noise_of_a_few_milliseconds_asks_for_nothing():
    happened = play(Button(BOUNCE), [(0.0, True), (0.004, False)], 5.0)
    assert [released.gesture for released in releases(happened)] == [Gesture.NOTHING]


def test_a_hold_reaches_each_stage_once_and_ends_with_its_own():
    happened = play(Button(BOUNCE), [(0.0, True), (12.0, False)], 15.0)
    stages = [one.gesture for one in happened if isinstance(one, StageReached)]
    assert stages == [
        Gesture.SHORT,
        Gesture.NOTHING,
        Gesture.APPROVE,
        Gesture.SYNC,
        Gesture.SHUT_DOWN,
    ]
    assert [released.gesture for released in releases(happened)] == [Gesture.SHUT_DOWN]


def test_a_worn_contact_cannot_cut_a_long_hold_short():
    worn = [(0.0, True), (3.0, False), (3.01, True), (6.0, False), (6.03, True), (11.0, False)]
    assert [one.gesture for one in releases(play(Button(BOUNCE), worn, 20.0))] == [
        Gesture.SHUT_DOWN
    ]


def test_a_release_past_thirty_seconds_asks_for_nothing():
    happened = play(Button(BOUNCE), [(0.0, True), (30.5, False)], 40.0)
    assert isinstance(happened[-2], StageReached)
    assert happened[-2].gesture is Gesture.NOTHING
    assert [one.gesture for one in releases(happened)] == [Gesture.NOTHING]


def test_a_button_held_at_boot_does_nothing_until_it_is_pressed_again():
    button = Button(BOUNCE, down=True)
    assert play(button, [(3.0, False)], 4.0) == []
    assert [one.gesture for one in releases(play(button, [(5.0, True), (5.2, False)], 6.0))] == [
        Gesture.SHORT
    ]


def test_a_quick_second_press_just_after_the_bounce_time_counts():
    edges = [(0.0, True), (0.1, False), (0.16, True), (0.3, False)]
    assert len(releases(play(Button(BOUNCE), edges, 1.0))) == 2


def test_a_second_press_that_begins_within_the_bounce_time_is_not_lost():
    edges = [(0.0, True), (0.1, False), (0.13, True), (0.6, False)]
    assert len(releases(play(Button(BOUNCE), edges, 1.0))) == 2


@given(
    st.lists(
        st.tuples(st.floats(0.0005, 3.0), st.booleans()),
        max_size=40,
    ),
    st.booleans(),
)
def test_whatever_the_pin_does_presses_and_releases_alternate_and_end_up_with_the_pin(gaps, down):
    button, at, edges = Button(BOUNCE, down=down), 0.0, []
    for gap, level in gaps:
        at += gap
        edges.append((at, level))
    happened = play(button, edges, at + 100)
    kinds = [type(one) for one in happened if not isinstance(one, StageReached | ButtonStuck)]
    if down and kinds and kinds[0] is ButtonReleased:
        kinds = kinds[1:]  # it was stuck from the start
    assert all(a is not b for a, b in pairwise(kinds))
    if kinds:
        assert kinds[0] is ButtonPressed
        assert (kinds[-1] is ButtonPressed) == edges[-1][1]


def test_a_button_that_stays_down_is_stuck_until_it_is_released():
    button = Button(BOUNCE)
    happened = play(button, [(0.0, True)], 100.0)
    assert happened[-1] == ButtonStuck()
    assert happened.count(ButtonStuck()) == 1
    assert [one.gesture for one in releases(button.edge(False, 200.0) + button.advance(201.0))] == [
        Gesture.NOTHING
    ]
    again = play(button, [(300.0, True), (300.2, False)], 301.0)
    assert [one.gesture for one in releases(again)] == [Gesture.SHORT]


def test_a_button_that_is_down_from_the_start_is_found_stuck_without_any_edge():
    async def follow() -> object:
        found = asyncio.get_running_loop().create_future()
        button = Button(BOUNCE, down=True, at=time.monotonic() - STUCK_SECONDS)
        ButtonObserver(button, found.set_result)
        return await asyncio.wait_for(found, 10.0)

    assert asyncio.run(follow()) == ButtonStuck()


def test_taps_on_a_normally_closed_button_never_switch_the_machine_off():
    # Closed at rest: it looks held from the start on, and open only while it is tapped.
    button = Button(BOUNCE, down=True, at=0.0)
    assert play(button, [], 90.0) == [ButtonStuck()]
    taps = [(100.0, False), (100.2, True), (112.0, False), (112.2, True)]
    asked = [one.gesture for one in releases(play(button, taps, 120.0))]
    assert set(asked) == {Gesture.NOTHING}
