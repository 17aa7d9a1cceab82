"""Brings the button's edges from their thread to the event loop, and wakes up at deadlines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from edge.panel.button import Button, ButtonEvent


class ButtonWatch:
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

    def edge_from_any_thread(self, down: bool, at: float) -> None:
        """Take in an edge; gpiozero calls this from a thread of its own."""
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
