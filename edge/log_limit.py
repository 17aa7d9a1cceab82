"""Limits how much is logged: someone who can provoke warnings must not fill the disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

LINES, SECONDS = 30, 10.0


class LogLimit(logging.Filter):
    """Lets each logger write a number of lines in some seconds, then says how many it dropped.

    Args:
        lines: of one logger.
        seconds: in which they count.
        clock: returns seconds; only ever goes forward.
    """

    def __init__(
        self,
        lines: int = LINES,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._lines = lines
        self._seconds = seconds
        self._clock = clock
        # By logger: since when, how many, how many of them were dropped.
        self._counted: dict[str, tuple[float, int, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        now = self._clock()
        since, count, dropped = self._counted.get(record.name, (now, 0, 0))
        if now - since >= self._seconds:
            since, count = now, 0
            if dropped:
                record.msg = f"{record.getMessage()} ({dropped} lines before it were left out)"
                record.args = ()
                dropped = 0
        shown = count < self._lines
        self._counted[record.name] = since, count + 1, dropped + (not shown)
        return shown


def limit_logs() -> None:
    """Limit what the root logger's handlers write."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(LogLimit())
