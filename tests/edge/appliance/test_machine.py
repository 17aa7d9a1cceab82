"""The appliance's transition table: complete, and doing what the owner expects."""

from __future__ import annotations

from itertools import product

import pytest

from edge.appliance.machine import (
    TABLE,
    Effect,
    Event,
    Obstacle,
    Phase,
    State,
    handle,
    pattern,
)
from edge.panel.button import Gesture
from edge.panel.led import MEANING, STEPS, Pattern

# The effect of each event in each phase, written down again independently of the table:
# phase -> event -> (next phase, effect). Pairs not listed change no phase and have no effect.
SEARCH = (Phase.SEARCHING, Effect.SEARCH)
STOP = (Phase.STOPPING, Effect.SHUT_DOWN)
PAIR = Effect.OPEN_PAIRING
FAULT = (Phase.FAULTY, None)
EXPECTED: dict[Phase, dict[Event, tuple[Phase, Effect | Obstacle | None]]] = {
    Phase.STARTING: {
        Event.MODEL_ACTIVATED: (Phase.READY, None),
        Event.MODEL_MISSING: (Phase.NO_MODEL, None),
        Event.PICK_ASKED: (Phase.STARTING, Obstacle.STARTING),
        Event.APPROVAL_ASKED: (Phase.STARTING, Obstacle.STARTING),
        Event.SYNC_ASKED: (Phase.STARTING, Obstacle.STARTING),
        Event.PAIRING_ASKED: (Phase.STARTING, PAIR),
        Event.STOP_ASKED: STOP,
        Event.FAULT_FOUND: FAULT,
    },
    Phase.NO_MODEL: {
        Event.MODEL_ACTIVATED: (Phase.READY, None),
        Event.MODEL_MISSING: (Phase.NO_MODEL, None),
        Event.PICK_ASKED: (Phase.NO_MODEL, Obstacle.NO_MODEL),
        Event.APPROVAL_ASKED: (Phase.NO_MODEL, Obstacle.NO_MODEL),
        Event.SYNC_ASKED: (Phase.NO_MODEL, Effect.SYNCHRONISE),
        Event.PAIRING_ASKED: (Phase.NO_MODEL, PAIR),
        Event.STOP_ASKED: STOP,
        Event.FAULT_FOUND: FAULT,
    },
    Phase.READY: {
        Event.MODEL_MISSING: (Phase.NO_MODEL, None),
        Event.PICK_RESTORED: (Phase.DECIDING, None),
        Event.PICK_ASKED: SEARCH,
        Event.APPROVAL_ASKED: (Phase.READY, Obstacle.NO_PICK),
        Event.SYNC_ASKED: (Phase.READY, Effect.SYNCHRONISE),
        Event.PAIRING_ASKED: (Phase.READY, PAIR),
        Event.STOP_ASKED: STOP,
        Event.FAULT_FOUND: FAULT,
    },
    Phase.SEARCHING: {
        Event.MODEL_MISSING: (Phase.NO_MODEL, None),
        Event.PICK_ASKED: (Phase.SEARCHING, Obstacle.BUSY),
        Event.PICK_FOUND: (Phase.DECIDING, None),
        Event.SEARCH_FAILED: (Phase.READY, None),
        Event.APPROVAL_ASKED: (Phase.SEARCHING, Obstacle.BUSY),
        Event.SYNC_ASKED: (Phase.SEARCHING, Effect.SYNCHRONISE),
        Event.PAIRING_ASKED: (Phase.SEARCHING, PAIR),
        Event.STOP_ASKED: STOP,
        Event.FAULT_FOUND: FAULT,
    },
    Phase.DECIDING: {
        Event.MODEL_MISSING: (Phase.NO_MODEL, None),
        Event.PICK_ASKED: SEARCH,
        Event.APPROVAL_ASKED: (Phase.DECIDING, Effect.APPROVE),
        Event.PICK_APPROVED: (Phase.READY, None),
        Event.SYNC_ASKED: (Phase.DECIDING, Effect.SYNCHRONISE),
        Event.PAIRING_ASKED: (Phase.DECIDING, PAIR),
        Event.STOP_ASKED: STOP,
        Event.FAULT_FOUND: FAULT,
    },
    Phase.FAULTY: {
        Event.PICK_ASKED: (Phase.FAULTY, Obstacle.FAULT),
        Event.APPROVAL_ASKED: (Phase.FAULTY, Obstacle.FAULT),
        Event.SYNC_ASKED: (Phase.FAULTY, Obstacle.FAULT),
        Event.PAIRING_ASKED: (Phase.FAULTY, PAIR),
        Event.STOP_ASKED: STOP,
        Event.FAULT_FOUND: FAULT,
        Event.FAULT_CLEARED: (Phase.STARTING, None),
    },
    Phase.STOPPING: {
        Event.PICK_ASKED: (Phase.STOPPING, Obstacle.STOPPING),
        Event.APPROVAL_ASKED: (Phase.STOPPING, Obstacle.STOPPING),
        Event.SYNC_ASKED: (Phase.STOPPING, Obstacle.STOPPING),
        Event.STOP_ASKED: (Phase.STOPPING, Obstacle.STOPPING),
        Event.PAIRING_ASKED: (Phase.STOPPING, Obstacle.STOPPING),
    },
}
GESTURES = [None, *Gesture]
FLAGS = list(product(GESTURES, [False, True], [False, True]))


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("phase", Phase)
def test_every_event_in_every_phase_does_what_is_expected(phase, event):
    following, effect = EXPECTED[phase].get(event, (phase, None))
    for held, attention, offline in FLAGS:
        state, found = handle(State(phase, held, attention, offline), event)
        assert state.phase is following
        assert found is effect


@pytest.mark.parametrize("phase", Phase)
def test_letting_go_changes_nothing_but_that_the_button_is_up(phase):
    assert handle(State(phase, held=Gesture.SYNC), Event.BUTTON_RELEASED) == (State(phase), None)


def test_the_table_has_a_row_for_every_pair_and_no_other():
    assert set(TABLE) == set(Event)
    assert all(set(rows) == set(Phase) for rows in TABLE.values())


def test_an_obstacle_never_changes_the_phase():
    rows = [(phase, row) for rows in TABLE.values() for phase, row in rows.items()]
    assert all(
        row.phase in (None, phase) for phase, row in rows if isinstance(row.effect, Obstacle)
    )


@pytest.mark.parametrize(
    ("on", "off", "flag"),
    [
        (Event.ATTENTION_RAISED, Event.ATTENTION_CLEARED, "attention"),
        (Event.WENT_OFFLINE, Event.CAME_ONLINE, "offline"),
        (Event.PAIRING_OPENED, Event.PAIRING_CLOSED, "pairing"),
        (Event.BROWSER_CAME, Event.BROWSER_WENT, "browser"),
    ],
)
@pytest.mark.parametrize("phase", Phase)
def test_each_flag_beside_the_phase_is_set_and_cleared(phase, on, off, flag):
    raised, _ = handle(State(phase), on)
    assert getattr(raised, flag)
    assert handle(raised, off)[0] == State(phase)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (State(), Pattern.BREATHING),
        (State(Phase.NO_MODEL), Pattern.BREATHING),
        (State(Phase.READY), Pattern.SOLID),
        (State(Phase.READY, offline=True), Pattern.FOUR_BLINKS),
        (State(Phase.READY, offline=True, attention=True), Pattern.ATTENTION),
        (State(Phase.SEARCHING, attention=True), Pattern.FAST_PULSE),
        (State(Phase.DECIDING, offline=True), Pattern.TWO_BLINKS),
        (State(Phase.DECIDING, attention=True, offline=True), Pattern.TWO_AND_LONG),
        (State(Phase.FAULTY, attention=True), Pattern.FAULT),
        (State(Phase.STOPPING, held=Gesture.SHORT), Pattern.OFF),
        (State(Phase.READY, held=Gesture.NOTHING), Pattern.HELD),
        (State(Phase.READY, held=Gesture.SHORT), Pattern.COUNT_1),
        (State(Phase.DECIDING, held=Gesture.APPROVE), Pattern.COUNT_2),
        (State(Phase.FAULTY, held=Gesture.SYNC), Pattern.COUNT_3),
        (State(Phase.NO_MODEL, held=Gesture.SHUT_DOWN), Pattern.COUNT_4),
        (State(Phase.READY, held=Gesture.PAIR, pairing=True, browser=True), Pattern.COUNT_5),
        (State(Phase.DECIDING, attention=True, pairing=True), Pattern.PAIRING_OPEN),
        (State(Phase.DECIDING, attention=True, browser=True), Pattern.PAIRING_DIGITS),
        # A stranger's browser hides neither a fault nor a search, the owner's may.
        (State(Phase.FAULTY, browser=True), Pattern.FAULT),
        (State(Phase.SEARCHING, browser=True), Pattern.FAST_PULSE),
        (State(Phase.FAULTY, pairing=True), Pattern.FAULT),
        (State(Phase.FAULTY, pairing=True, browser=True), Pattern.PAIRING_DIGITS),
        (State(Phase.STOPPING, pairing=True, browser=True), Pattern.OFF),
    ],
)
def test_the_led_says_the_most_urgent_thing(state, shown):
    assert pattern(state) is shown


def test_every_pattern_has_steps_and_a_meaning():
    assert set(STEPS) == set(MEANING) == set(Pattern)
    for steps in STEPS.values():
        assert all(0 <= step.brightness <= 1 and step.seconds > 0 for step in steps)


@pytest.mark.parametrize(
    ("shown", "blinks"),
    [
        (Pattern.TWO_BLINKS, 2),
        (Pattern.FOUR_BLINKS, 4),
        (Pattern.COUNT_1, 1),
        (Pattern.COUNT_2, 2),
        (Pattern.COUNT_3, 3),
        (Pattern.COUNT_4, 4),
        (Pattern.COUNT_5, 5),
    ],
)
def test_blinks_can_be_counted_and_end_in_a_longer_pause(shown, blinks):
    steps = STEPS[shown]
    assert sum(step.brightness == 1.0 for step in steps) == blinks
    assert steps[-1].brightness == 0.0
    assert all(step.seconds < steps[-1].seconds / 2 for step in steps[:-1])


def test_a_pick_that_waits_with_attention_begins_as_any_and_ends_in_a_long_light():
    *pick, on, off = STEPS[Pattern.TWO_AND_LONG]
    alone = STEPS[Pattern.TWO_BLINKS]
    assert pick[:-1] == list(alone[:-1])
    assert on.seconds > 5 * alone[0].seconds, "distinguishable by eye"
    assert (on.brightness, off.brightness) == (1.0, 0.0)


def test_attention_is_one_blink_a_second_and_a_fault_is_fast_and_even():
    assert sum(step.seconds for step in STEPS[Pattern.ATTENTION]) == 1.0
    on, off = STEPS[Pattern.FAULT]
    assert on.seconds == off.seconds < 0.25
