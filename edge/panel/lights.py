"""Plays LED patterns, one at a time, on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from edge.panel.led import STEPS, Pattern


class Lights:
    """Shows a pattern until the next one is asked for.

    Args:
        light: sets the brightness, from 0 to 1.
        sleep: waits for so many seconds.
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

    def show(self, pattern: Pattern) -> bool:
        """Begin a pattern, from its first step; one that is shown already goes on undisturbed.

        Returns:
            Whether this is another pattern than before.
        """
        if pattern is self.shown and self._playing is not None:
            return False
        self.shown = pattern
        if self._playing is not None:
            self._playing.cancel()
        # The first step at once: what a finger has done is seen before anything else happens.
        self._light(STEPS[pattern][0].brightness)
        self._playing = asyncio.get_running_loop().create_task(self._play(pattern))
        return True

    async def close(self) -> None:
        """Stop playing and switch the LED off."""
        if self._playing is not None:
            self._playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._playing
        self._light(0.0)

    async def _play(self, pattern: Pattern) -> None:
        steps = STEPS[pattern]
        await self._sleep(steps[0].seconds)
        for step in steps[1:]:
            self._light(step.brightness)
            await self._sleep(step.seconds)
        while True:
            for step in steps:
                self._light(step.brightness)
                await self._sleep(step.seconds)
