"""The appliance's state machine: `handle(state, event) -> (state, effect)`, one transition table.

Pure: no clock, no disk, no thread. The appliance feeds it events and carries out its effects.
Every phase has a row for every event; `docs/states.md` is generated from the table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from edge.panel.button import COUNTED, Gesture
from edge.panel.led import Pattern


class Phase(Enum):
    """The appliance's phases."""

    STARTING = "starting"
    NO_MODEL = "waiting for a first model"
    READY = "ready"
    SEARCHING = "searching"
    DECIDING = "a pick is waiting for a decision"
    FAULTY = "fault"
    STOPPING = "stopping"


class Event(Enum):
    """What has happened."""

    MODEL_ACTIVATED = "a model was activated"
    MODEL_MISSING = "no model can be loaded"
    PICK_RESTORED = "the undecided pick from before the restart was found"
    PICK_ASKED = "a fresh pick was requested"
    PICK_FOUND = "the search found a pick, and it is recorded"
    SEARCH_FAILED = "the search failed"
    APPROVAL_ASKED = "approval was requested"
    PICK_APPROVED = "the approval is recorded"
    SYNC_ASKED = "synchronising was requested"
    STOP_ASKED = "a stop was requested"
    PAIRING_ASKED = "opening pairing was requested"
    FAULT_FOUND = "a fault keeps the appliance from working"
    FAULT_CLEARED = "the fault is gone"
    BUTTON_PRESSED = "the button went down"
    STAGE_REACHED = "the button has been down for the next stage"
    BUTTON_RELEASED = "the button came up"
    ATTENTION_RAISED = "there are warnings to read"
    ATTENTION_CLEARED = "all warnings have been read"
    WENT_OFFLINE = "the cloud has been unreachable for a long time"
    CAME_ONLINE = "the cloud is back"
    PAIRING_OPENED = "the button opened pairing"
    PAIRING_CLOSED = "pairing is over"
    BROWSER_CAME = "it is a browser's turn to have its digits shown"
    BROWSER_WENT = "no browser waits to be paired"


class Effect(Enum):
    """What the appliance does about it."""

    SEARCH = "draw a fresh slate and find its best film"
    APPROVE = "record the approval"
    SYNCHRONISE = "ask the sync service to synchronise and verify"
    SHUT_DOWN = "stop cleanly, and the machine if the button asked"
    OPEN_PAIRING = "let browsers ask to be signed in by the button"


class Obstacle(Enum):
    """Why a request can't be met in this phase."""

    BUSY = "a search is running"
    NO_MODEL = "there is no model yet"
    NO_PICK = "no pick is waiting for a decision"
    STARTING = "the appliance is starting"
    FAULT = "the appliance has a fault"
    STOPPING = "the appliance is stopping"


@dataclass(frozen=True)
class State:
    """Everything the machine remembers.

    Attributes:
        held: the stage the held button has reached; None while it is up.
        attention: there are warnings to read.
        offline: the cloud has been unreachable for a long time.
        pairing: the button has opened pairing.
        browser: the light shows a browser's digits.
    """

    phase: Phase = Phase.STARTING
    held: Gesture | None = None
    attention: bool = False
    offline: bool = False
    pairing: bool = False
    browser: bool = False


@dataclass(frozen=True)
class Row:
    """One entry of the table: the next phase (None for the same), and what to do."""

    phase: Phase | None = None
    effect: Effect | Obstacle | None = None


_STAY = Row()


def _everywhere(row: Row, **exceptions: Row) -> dict[Phase, Row]:
    return {phase: exceptions.get(phase.name, row) for phase in Phase}


# A request that only some phases can meet; the others answer with the obstacle.
def _asked(**rows: Row) -> dict[Phase, Row]:
    obstacles = {
        "STARTING": Row(effect=Obstacle.STARTING),
        "NO_MODEL": Row(effect=Obstacle.NO_MODEL),
        "READY": Row(effect=Obstacle.NO_PICK),
        "SEARCHING": Row(effect=Obstacle.BUSY),
        "FAULTY": Row(effect=Obstacle.FAULT),
        "STOPPING": Row(effect=Obstacle.STOPPING),
    }
    return {phase: {**obstacles, **rows}[phase.name] for phase in Phase}


_SEARCH = Row(Phase.SEARCHING, Effect.SEARCH)
_SYNC = Row(effect=Effect.SYNCHRONISE)

TABLE: dict[Event, dict[Phase, Row]] = {
    # A new model disturbs neither a waiting pick nor a running search.
    Event.MODEL_ACTIVATED: _everywhere(_STAY, STARTING=Row(Phase.READY), NO_MODEL=Row(Phase.READY)),
    Event.MODEL_MISSING: _everywhere(Row(Phase.NO_MODEL), FAULTY=_STAY, STOPPING=_STAY),
    Event.PICK_RESTORED: _everywhere(_STAY, READY=Row(Phase.DECIDING)),
    Event.PICK_ASKED: _asked(READY=_SEARCH, DECIDING=_SEARCH),
    Event.PICK_FOUND: _everywhere(_STAY, SEARCHING=Row(Phase.DECIDING)),
    Event.SEARCH_FAILED: _everywhere(_STAY, SEARCHING=Row(Phase.READY)),
    # Recorded first; only then is the decision made.
    Event.APPROVAL_ASKED: _asked(DECIDING=Row(effect=Effect.APPROVE)),
    Event.PICK_APPROVED: _everywhere(_STAY, DECIDING=Row(Phase.READY)),
    # Asking the sync service needs neither a model nor a pick.
    Event.SYNC_ASKED: _asked(NO_MODEL=_SYNC, READY=_SYNC, SEARCHING=_SYNC, DECIDING=_SYNC),
    Event.STOP_ASKED: _everywhere(
        Row(Phase.STOPPING, Effect.SHUT_DOWN), STOPPING=Row(effect=Obstacle.STOPPING)
    ),
    # An owner who can't sign in needs this most when something is wrong.
    Event.PAIRING_ASKED: _everywhere(
        Row(effect=Effect.OPEN_PAIRING), STOPPING=Row(effect=Obstacle.STOPPING)
    ),
    Event.FAULT_FOUND: _everywhere(Row(Phase.FAULTY), STOPPING=_STAY),
    # Start over: the appliance then reports which model it has.
    Event.FAULT_CLEARED: _everywhere(_STAY, FAULTY=Row(Phase.STARTING)),
    # These change what is remembered alongside the phase, the same in every phase: see `_remember`.
    Event.BUTTON_PRESSED: _everywhere(_STAY),
    Event.STAGE_REACHED: _everywhere(_STAY),
    Event.BUTTON_RELEASED: _everywhere(_STAY),
    Event.ATTENTION_RAISED: _everywhere(_STAY),
    Event.ATTENTION_CLEARED: _everywhere(_STAY),
    Event.WENT_OFFLINE: _everywhere(_STAY),
    Event.CAME_ONLINE: _everywhere(_STAY),
    Event.PAIRING_OPENED: _everywhere(_STAY),
    Event.PAIRING_CLOSED: _everywhere(_STAY),
    Event.BROWSER_CAME: _everywhere(_STAY),
    Event.BROWSER_WENT: _everywhere(_STAY),
}

_COUNTS = (
    *(Pattern.COUNT_1, Pattern.COUNT_2, Pattern.COUNT_3, Pattern.COUNT_4),
    Pattern.COUNT_5,
)


def handle(
    state: State, event: Event, gesture: Gesture = Gesture.NOTHING
) -> tuple[State, Effect | Obstacle | None]:
    """Return what follows from an event: the new state, and what to do, if anything.

    Args:
        state: the current state.
        event: what has happened.
        gesture: for STAGE_REACHED, what releasing the button now would mean.
    """
    row = TABLE[event][state.phase]
    state = replace(state, phase=row.phase or state.phase)
    return _remember(state, event, gesture), row.effect


def _remember(state: State, event: Event, gesture: Gesture) -> State:
    match event:
        case Event.BUTTON_PRESSED:
            return replace(state, held=Gesture.NOTHING)
        case Event.STAGE_REACHED:
            return replace(state, held=gesture)
        case Event.BUTTON_RELEASED:
            return replace(state, held=None)
        case Event.ATTENTION_RAISED | Event.ATTENTION_CLEARED:
            return replace(state, attention=event is Event.ATTENTION_RAISED)
        case Event.WENT_OFFLINE | Event.CAME_ONLINE:
            return replace(state, offline=event is Event.WENT_OFFLINE)
        case Event.PAIRING_OPENED | Event.PAIRING_CLOSED:
            return replace(state, pairing=event is Event.PAIRING_OPENED)
        case Event.BROWSER_CAME | Event.BROWSER_WENT:
            return replace(state, browser=event is Event.BROWSER_CAME)
        case _:
            return state


def pattern(state: State) -> Pattern:
    """Return what the LED shows in this state: only the most urgent thing."""
    if state.phase is Phase.STOPPING:
        return Pattern.OFF
    if state.held is not None:
        return _COUNTS[COUNTED.index(state.held)] if state.held in COUNTED else Pattern.HELD
    if state.pairing and state.browser:
        # The owner opened it and compares digits: everything else can wait.
        return Pattern.PAIRING_DIGITS
    match state.phase:
        case Phase.FAULTY:
            return Pattern.FAULT
        case Phase.SEARCHING:
            return Pattern.FAST_PULSE
    if state.browser or state.pairing:
        return Pattern.PAIRING_DIGITS if state.browser else Pattern.PAIRING_OPEN
    if state.phase is Phase.DECIDING:
        # A pick may wait for weeks: it must not hide a warning, nor a warning the pick.
        return Pattern.TWO_AND_LONG if state.attention else Pattern.TWO_BLINKS
    if state.attention:
        return Pattern.ATTENTION
    if state.phase is not Phase.READY:
        return Pattern.BREATHING
    return Pattern.FOUR_BLINKS if state.offline else Pattern.SOLID
