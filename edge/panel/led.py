"""What the LED says: each pattern as brightnesses over time, and what plays them."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import NamedTuple


class LedStep(NamedTuple):
    """A brightness from 0 to 1, and how long it lasts."""

    brightness: float
    seconds: float


class Pattern(Enum):
    """What the LED can show."""

    OFF = "off"
    BREATHING = "breathing"
    SOLID = "solid"
    FAST_PULSE = "fast pulse"
    TWO_BLINKS = "two blinks"
    TWO_AND_LONG = "two blinks, one long"
    FOUR_BLINKS = "four blinks"
    ATTENTION = "1 Hz"
    FAULT = "fast even blinking"
    PAIRING_OPEN = "one long blink, one short"
    PAIRING_DIGITS = "four digits"
    HELD = "held"
    COUNT_1 = "held: 1"
    COUNT_2 = "held: 2"
    COUNT_3 = "held: 3"
    COUNT_4 = "held: 4"
    COUNT_5 = "held: 5"


MEANING: dict[Pattern, str] = {
    Pattern.OFF: "stopped",
    Pattern.BREATHING: "starting, or waiting for a first model",
    Pattern.SOLID: "ready",
    Pattern.FAST_PULSE: "searching",
    Pattern.TWO_BLINKS: "a pick is waiting for your decision",
    Pattern.TWO_AND_LONG: "a pick is waiting, and warnings: see the page or `greenlight status`",
    Pattern.FOUR_BLINKS: "ready, offline for a long time",
    Pattern.ATTENTION: "warnings: see the page or `greenlight status`",
    Pattern.FAULT: "fault: see `greenlight doctor`",
    Pattern.PAIRING_OPEN: "pairing is open: choose Pair on the page",
    Pattern.PAIRING_DIGITS: "a browser asks to sign in: if it shows these digits, press to let it",
    Pattern.HELD: "the button is down; letting go now does nothing",
    Pattern.COUNT_1: "let go now for a fresh pick",
    Pattern.COUNT_2: "let go now to approve",
    Pattern.COUNT_3: "let go now to synchronise and verify",
    Pattern.COUNT_4: "let go now to shut down",
    Pattern.COUNT_5: "let go now to open pairing",
}

_BREATH_SECONDS, _BREATH_STEPS = 3.0, 30


def _blinks(times: int, on: float, off: float, pause: float) -> tuple[LedStep, ...]:
    return (LedStep(1.0, on), LedStep(0.0, off)) * (times - 1) + (
        LedStep(1.0, on),
        LedStep(0.0, pause),
    )


def _wave(seconds: float, steps: int) -> tuple[LedStep, ...]:
    heights = ((1 - math.cos(2 * math.pi * step / steps)) / 2 for step in range(steps))
    return tuple(LedStep(round(height, 3), seconds / steps) for height in heights)


def _count(times: int) -> tuple[LedStep, ...]:
    return _blinks(times, 0.08, 0.12, 0.5)


def digit_steps(digits: str) -> tuple[LedStep, ...]:
    """Return steps that blink each digit, 1 to 9, with a pause after it, the last one longer."""
    *first, last = (int(digit) for digit in digits)
    each = tuple(step for digit in first for step in _blinks(digit, 0.2, 0.25, 1.0))
    return (*each, *_blinks(last, 0.2, 0.25, 2.5))


_A_LONG_TIME = 3600.0

STEPS: dict[Pattern, tuple[LedStep, ...]] = {
    Pattern.OFF: (LedStep(0.0, _A_LONG_TIME),),
    Pattern.BREATHING: _wave(_BREATH_SECONDS, _BREATH_STEPS),
    Pattern.SOLID: (LedStep(1.0, _A_LONG_TIME),),
    Pattern.FAST_PULSE: _wave(0.4, 8),
    Pattern.TWO_BLINKS: _blinks(2, 0.15, 0.2, 1.0),
    Pattern.TWO_AND_LONG: (*_blinks(2, 0.15, 0.2, 0.4), LedStep(1.0, 0.8), LedStep(0.0, 1.0)),
    Pattern.FOUR_BLINKS: _blinks(4, 0.15, 0.2, 1.5),
    Pattern.ATTENTION: (LedStep(1.0, 0.5), LedStep(0.0, 0.5)),
    Pattern.FAULT: (LedStep(1.0, 0.1), LedStep(0.0, 0.1)),
    Pattern.PAIRING_OPEN: (*_blinks(1, 1.2, 0.3, 0.3), *_blinks(1, 0.2, 0.2, 1.5)),
    # As an example: each browser has its own digits.
    Pattern.PAIRING_DIGITS: digit_steps("1234"),
    Pattern.HELD: (LedStep(0.2, _A_LONG_TIME),),
    Pattern.COUNT_1: _count(1),
    Pattern.COUNT_2: _count(2),
    Pattern.COUNT_3: _count(3),
    Pattern.COUNT_4: _count(4),
    Pattern.COUNT_5: _count(5),
}


class LedPlayer:
    """Plays one pattern at a time on the event loop, until the next one is set.

    Args:
        light: sets the brightness, from 0 to 1.
        sleep: waits for that many seconds.
    """

    def __init__(
        self,
        light: Callable[[float], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._light = light
        self._sleep = sleep
        self._playing: asyncio.Task[None] | None = None
        self.shown = Pattern.OFF
        self.digits = ""

    def show(
        self, pattern: Pattern, digits: str = "", blinked: Callable[[], object] = lambda: None
    ) -> bool:
        """Start a pattern from its first step; one that is already shown just continues.

        Args:
            pattern: to show.
            digits: to blink, for the pattern that shows digits.
            blinked: called each time all steps have been shown.

        Returns:
            Whether the pattern has changed.
        """
        if (pattern, digits) == (self.shown, self.digits) and self._playing is not None:
            return False
        self.shown, self.digits = pattern, digits
        steps = digit_steps(digits) if digits else STEPS[pattern]
        if self._playing is not None:
            self._playing.cancel()
        # The first step immediately: the owner sees the press before anything else happens.
        self._light(steps[0].brightness)
        self._playing = asyncio.get_running_loop().create_task(self._play(steps, blinked))
        return True

    async def close(self) -> None:
        """Stop playing and switch the LED off."""
        if self._playing is not None:
            self._playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._playing
        self._light(0.0)

    async def _play(self, steps: tuple[LedStep, ...], blinked: Callable[[], object]) -> None:
        await self._sleep(steps[0].seconds)
        for step in steps[1:]:
            self._light(step.brightness)
            await self._sleep(step.seconds)
        while True:
            blinked()
            for step in steps:
                self._light(step.brightness)
                await self._sleep(step.seconds)
