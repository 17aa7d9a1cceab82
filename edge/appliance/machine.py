"""The appliance's state machine: `handle(state, event) -> (state, orders)`, one transition table.

Pure: no clock, no disk, no thread. Shells feed it what has happened and carry out what it orders.
Every phase has a row for every event; `docs/states.md` is drawn from the table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from edge.panel.button import COUNTED, Press
from edge.panel.led import Pattern


class Phase(Enum):
    """Where the appliance is."""

    STARTING = "starting"
    NO_MODEL = "waiting for a first model"
    READY = "ready"
    SEARCHING = "searching"
    DECIDING = "a pick waits for a decision"
    FAULTY = "fault"
    STOPPING = "stopping"


class Event(Enum):
    """What has happened to it."""

    MODEL_ACTIVATED = "a model answers"
    MODEL_MISSING = "no model can be loaded"
    PICK_RESTORED = "the undecided pick from before the restart was found"
    PICK_ASKED = "a fresh pick was asked for"
    PICK_FOUND = "the search found its best"
    SEARCH_FAILED = "the search failed"
    APPROVAL_GIVEN = "the pick was approved"
    SYNC_ASKED = "synchronising was asked for"
    STOP_ASKED = "a stop was asked for"
    FAULT_FOUND = "the appliance cannot go on as it is"
    FAULT_CLEARED = "the fault is gone"
    BUTTON_PRESSED = "the button went down"
    STAGE_REACHED = "the button has been down for the next stage"
    BUTTON_RELEASED = "the button came up"
    ATTENTION_RAISED = "something wants attention"
    ATTENTION_CLEARED = "nothing wants attention any more"
    WENT_OFFLINE = "the cloud has been away for long"
    CAME_ONLINE = "the cloud is back"


class Order(Enum):
    """What the shell shall do."""

    SEARCH = "draw a fresh slate and find its best film"
    APPROVE = "record the approval"
    SYNCHRONISE = "ask the sync service to synchronise and verify"
    SHUT_DOWN = "stop cleanly, and the machine if the button asked"
    SAY_BUSY = "say that a search is running"
    SAY_NO_MODEL = "say that there is no model yet"
    SAY_NO_PICK = "say that no pick waits for a decision"
    SAY_STARTING = "say that the appliance is starting"
    SAY_FAULT = "say what the fault is"
    SAY_STOPPING = "say that the appliance is stopping"


REFUSALS = frozenset(order for order in Order if order.name.startswith("SAY_"))


@dataclass(frozen=True)
class State:
    """All that the machine remembers.

    Attributes:
        held: the stage the held button has reached; None while it is up.
        attention: something on the page wants to be read.
        offline: the cloud has been away for long.
    """

    phase: Phase = Phase.STARTING
    held: Press | None = None
    attention: bool = False
    offline: bool = False


@dataclass(frozen=True)
class Row:
    """One entry of the table: the phase that follows (None for the same), and one order."""

    phase: Phase | None = None
    order: Order | None = None


_STAY = Row()


def _everywhere(row: Row, **exceptions: Row) -> dict[Phase, Row]:
    return {phase: exceptions.get(phase.name, row) for phase in Phase}


def _say(order: Order) -> Row:
    return Row(order=order)


# An order that only some phases can carry out; the others say why not.
def _asked(**rows: Row) -> dict[Phase, Row]:
    refusals = {
        "STARTING": _say(Order.SAY_STARTING),
        "NO_MODEL": _say(Order.SAY_NO_MODEL),
        "READY": _say(Order.SAY_NO_PICK),
        "SEARCHING": _say(Order.SAY_BUSY),
        "FAULTY": _say(Order.SAY_FAULT),
        "STOPPING": _say(Order.SAY_STOPPING),
    }
    return {phase: {**refusals, **rows}[phase.name] for phase in Phase}


_SEARCH = Row(Phase.SEARCHING, Order.SEARCH)
_SYNC = Row(order=Order.SYNCHRONISE)

TABLE: dict[Event, dict[Phase, Row]] = {
    # A model that comes while a pick waits or a search runs disturbs neither.
    Event.MODEL_ACTIVATED: _everywhere(_STAY, STARTING=Row(Phase.READY), NO_MODEL=Row(Phase.READY)),
    Event.MODEL_MISSING: _everywhere(Row(Phase.NO_MODEL), FAULTY=_STAY, STOPPING=_STAY),
    Event.PICK_RESTORED: _everywhere(_STAY, READY=Row(Phase.DECIDING)),
    Event.PICK_ASKED: _asked(READY=_SEARCH, DECIDING=_SEARCH),
    Event.PICK_FOUND: _everywhere(_STAY, SEARCHING=Row(Phase.DECIDING)),
    Event.SEARCH_FAILED: _everywhere(_STAY, SEARCHING=Row(Phase.READY)),
    Event.APPROVAL_GIVEN: _asked(DECIDING=Row(Phase.READY, Order.APPROVE)),
    # Asking the sync service needs neither a model nor a pick.
    Event.SYNC_ASKED: _asked(NO_MODEL=_SYNC, READY=_SYNC, SEARCHING=_SYNC, DECIDING=_SYNC),
    Event.STOP_ASKED: _everywhere(
        Row(Phase.STOPPING, Order.SHUT_DOWN), STOPPING=_say(Order.SAY_STOPPING)
    ),
    Event.FAULT_FOUND: _everywhere(Row(Phase.FAULTY), STOPPING=_STAY),
    # What was going on before the fault is found anew: the shell says which model there is.
    Event.FAULT_CLEARED: _everywhere(_STAY, FAULTY=Row(Phase.STARTING)),
    # These change what is remembered beside the phase, alike in every phase: see `_remember`.
    Event.BUTTON_PRESSED: _everywhere(_STAY),
    Event.STAGE_REACHED: _everywhere(_STAY),
    Event.BUTTON_RELEASED: _everywhere(_STAY),
    Event.ATTENTION_RAISED: _everywhere(_STAY),
    Event.ATTENTION_CLEARED: _everywhere(_STAY),
    Event.WENT_OFFLINE: _everywhere(_STAY),
    Event.CAME_ONLINE: _everywhere(_STAY),
}

# What a press asks for, as the event it stands for.
GESTURES: dict[Press, Event] = {
    Press.SHORT: Event.PICK_ASKED,
    Press.APPROVE: Event.APPROVAL_GIVEN,
    Press.SYNC: Event.SYNC_ASKED,
    Press.SHUT_DOWN: Event.STOP_ASKED,
}

_COUNTS = (Pattern.COUNT_1, Pattern.COUNT_2, Pattern.COUNT_3, Pattern.COUNT_4)


def handle(
    state: State, event: Event, press: Press = Press.NOTHING
) -> tuple[State, tuple[Order, ...]]:
    """Return what follows from an event: the new state, and what is to be done.

    Args:
        state: where the appliance is.
        event: what has happened.
        press: of STAGE_REACHED and BUTTON_RELEASED, what letting go asks for.
    """
    row = TABLE[event][state.phase]
    state = _remember(replace(state, phase=row.phase or state.phase), event, press)
    orders: tuple[Order, ...] = (row.order,) if row.order else ()
    if event is Event.BUTTON_RELEASED and press in GESTURES:
        state, more = handle(state, GESTURES[press])
        orders += more
    return state, orders


def _remember(state: State, event: Event, press: Press) -> State:
    match event:
        case Event.BUTTON_PRESSED:
            return replace(state, held=Press.NOTHING)
        case Event.STAGE_REACHED:
            return replace(state, held=press)
        case Event.BUTTON_RELEASED:
            return replace(state, held=None)
        case Event.ATTENTION_RAISED | Event.ATTENTION_CLEARED:
            return replace(state, attention=event is Event.ATTENTION_RAISED)
        case Event.WENT_OFFLINE | Event.CAME_ONLINE:
            return replace(state, offline=event is Event.WENT_OFFLINE)
        case _:
            return state


def pattern(state: State) -> Pattern:
    """Return what the LED shall show in this state: the most urgent thing there is to say."""
    if state.phase is Phase.STOPPING:
        return Pattern.OFF
    if state.held is not None:
        return _COUNTS[COUNTED.index(state.held)] if state.held in COUNTED else Pattern.HELD
    match state.phase:
        case Phase.FAULTY:
            return Pattern.FAULT
        case Phase.SEARCHING:
            return Pattern.FAST_PULSE
        case Phase.DECIDING:
            # A pick may wait for weeks: it must not hide what wants attention, nor the reverse.
            return Pattern.TWO_AND_LONG if state.attention else Pattern.TWO_BLINKS
    if state.attention:
        return Pattern.ATTENTION
    if state.phase is not Phase.READY:
        return Pattern.BREATHING
    return Pattern.FOUR_BLINKS if state.offline else Pattern.SOLID
