"""From the button's edges to gestures: what counts as a press, and what it asks for.

`Button` is pure: it is given each edge of the pin with its time, and asked again when `deadline` is
due. Times are seconds of any clock that only goes forward. `ButtonObserver` does that on a loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Gesture(Enum):
    """What a press asks for, by how long the button was down."""

    NOTHING = "nothing"
    SHORT = "short"
    APPROVE = "approve"
    SYNC = "sync"
    SHUT_DOWN = "shut down"
    PAIR = "open pairing"


# Each stage lasts from its own beginning to the next one's; a beginning belongs to its stage.
STAGES: tuple[tuple[float, Gesture], ...] = (
    (0.0, Gesture.NOTHING),
    (0.05, Gesture.SHORT),
    (1.0, Gesture.NOTHING),
    (2.0, Gesture.APPROVE),
    (5.0, Gesture.SYNC),
    (10.0, Gesture.SHUT_DOWN),
    (20.0, Gesture.PAIR),
    (30.0, Gesture.NOTHING),
)
# The LED counts these while the button is held.
COUNTED = (Gesture.SHORT, Gesture.APPROVE, Gesture.SYNC, Gesture.SHUT_DOWN, Gesture.PAIR)
_HOLD_SECONDS = 1.0
# What a simulated short press takes: long enough to be one, short enough to feel like one.
SHORT_PRESS_SECONDS = 0.12
PAIRING_HOLD_SECONDS = 25.0
STUCK_SECONDS = 60.0
# A button that was stuck may be normally closed: then it is open during a tap, and down after it. A
# hold counts again once the contact was open for longer than a tap before it.
_OPEN_SECONDS = 2.0


def gesture_of(seconds: float) -> Gesture:
    """Return what a press of this length asks for.

    The last boundary belongs to the stage it ends (30 s still opens pairing), as an owner who
    counts to thirty expects; every other boundary begins the next stage.
    """
    if seconds == STAGES[-1][0]:
        return STAGES[-2][1]
    return next(gesture for beginning, gesture in reversed(STAGES) if seconds >= beginning)


@dataclass(frozen=True)
class ButtonPressed:
    """The button went down."""


@dataclass(frozen=True)
class StageReached:
    """The button has been down long enough for `gesture`."""

    gesture: Gesture


@dataclass(frozen=True)
class ButtonReleased:
    """The button came up after `seconds`; `gesture` is what that asks for."""

    gesture: Gesture
    seconds: float


@dataclass(frozen=True)
class ButtonStuck:
    """The button has been down for longer than anyone holds it."""


ButtonEvent: TypeAlias = ButtonPressed | StageReached | ButtonReleased | ButtonStuck


class Button:
    """Follows one button through bounce and holds.

    A first edge counts at once, and what follows within the bounce time is bounce: a short press
    is answered the moment the finger lifts. The end of a hold counts only once the contact has
    stayed open for the bounce time, so a worn contact can't cut a hold short.

    Args:
        bounce_seconds: how long a contact may rattle.
        down: whether the button is already held; a press that began before us asks for nothing.
        at: the time now.
    """

    def __init__(self, bounce_seconds: float, *, down: bool = False, at: float = 0.0) -> None:
        self._bounce = bounce_seconds
        self._level = down
        self._down_since: float | None = None
        self._foreign = down
        self._changed_at = 0.0
        self._settled_at = 0.0
        self._opened_at: float | None = None
        self._stage = 0
        self._foreign_since = at
        self._open_since = at
        self._is_stuck = False
        self._suspect = False

    def edge(self, down: bool, at: float) -> list[ButtonEvent]:
        """Handle a change of the pin at time `at`; return the events it means."""
        happened = self.advance(at)
        self._level, self._changed_at = down, at
        if at >= self._settled_at or self._opened_at is not None:
            happened += self._take(at)
        return happened

    def advance(self, at: float) -> list[ButtonEvent]:
        """Handle that it is now `at`; return the events that means."""
        happened: list[ButtonEvent] = []
        if self._opened_at is not None and at >= self._opened_at + self._bounce:
            happened.append(self._release(self._opened_at))
        if self._settled_at and at >= self._settled_at:
            self._settled_at = 0.0
            # The contact may have come to rest in the other position.
            if self._level != self._is_down and self._opened_at is None:
                happened += self._take(self._changed_at)
        happened += self._stages(at)
        since = self._held_since
        if since is not None and not self._is_stuck and at >= since + STUCK_SECONDS:
            self._is_stuck = self._suspect = True
            happened.append(ButtonStuck())
        return happened

    @property
    def deadline(self) -> float | None:
        """When `advance` has something to say, if no edge comes before; None for never."""
        due = [self._settled_at] if self._settled_at else []
        if self._opened_at is not None:
            due.append(self._opened_at + self._bounce)
        elif self._down_since is not None and self._stage + 1 < len(STAGES):
            due.append(self._down_since + STAGES[self._stage + 1][0])
        if self._held_since is not None and not self._is_stuck:
            due.append(self._held_since + STUCK_SECONDS)
        return min(due, default=None)

    @property
    def _held_since(self) -> float | None:
        return self._foreign_since if self._foreign else self._down_since

    @property
    def _is_down(self) -> bool:
        return self._foreign or self._down_since is not None

    def _take(self, at: float) -> list[ButtonEvent]:
        """Act on the level the pin has now."""
        if self._level:
            if self._opened_at is not None:
                self._opened_at = None  # bounce inside a hold
                return []
            if self._is_down:
                return []
            self._down_since, self._stage = at, 0
            self._settled_at = at + self._bounce
            return [ButtonPressed()]
        if self._foreign:
            self._foreign = False
            self._settled_at = at + self._bounce
            self._open_since = at
            if self._is_stuck:
                self._is_stuck = False
                return [ButtonReleased(Gesture.NOTHING, at - self._foreign_since)]
            return []
        if self._down_since is None or self._opened_at is not None:
            return []
        if at - self._down_since >= _HOLD_SECONDS:
            self._opened_at = at
            return []
        return [self._release(at)]

    def _release(self, at: float) -> ButtonReleased:
        assert self._down_since is not None
        seconds = at - self._down_since
        was_open = self._down_since - self._open_since
        self._down_since, self._opened_at = None, None
        self._settled_at = at + self._bounce
        self._open_since, self._is_stuck = at, False
        gesture = gesture_of(seconds)
        if self._suspect and was_open < _OPEN_SECONDS:
            gesture = Gesture.NOTHING
        elif gesture is not Gesture.NOTHING:
            self._suspect = False
        return ButtonReleased(gesture, seconds)

    def _stages(self, at: float) -> list[ButtonEvent]:
        reached: list[ButtonEvent] = []
        while (
            self._down_since is not None
            and self._opened_at is None
            and self._stage + 1 < len(STAGES)
            and at >= self._down_since + STAGES[self._stage + 1][0]
        ):
            self._stage += 1
            reached.append(StageReached(STAGES[self._stage][1]))
        return reached


class ButtonObserver:
    """Follows one `Button` on the event loop.

    Args:
        button: follows the contact.
        happened: called with each event of the button.
    """

    def __init__(self, button: Button, happened: Callable[[ButtonEvent], object]) -> None:
        self._button = button
        self._happened = happened
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        # A button that is stuck from the start never has an edge.
        self._report([])

    def edge_from_any_thread(self, down: bool, at: float) -> None:
        """Handle an edge; gpiozero calls this from its own thread."""
        self._loop.call_soon_threadsafe(self._edge, down, at)

    def _edge(self, down: bool, at: float) -> None:
        self._report(self._button.edge(down, at))

    def _advance(self) -> None:
        self._report(self._button.advance(time.monotonic()))

    def _report(self, events: list[ButtonEvent]) -> None:
        for event in events:
            self._happened(event)
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._button.deadline
        if deadline is not None:
            wait = max(0.0, deadline - time.monotonic())
            self._timer = self._loop.call_later(wait, self._advance)
