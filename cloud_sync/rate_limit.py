"""Limits the rate of publishing: AWS silently drops whatever exceeds its own limit."""

from __future__ import annotations

import math
from collections import deque

import msgspec

from data import limits


class Publish(msgspec.Struct, frozen=True):
    """Send this now."""

    topic: str
    payload: bytes


# Beyond this the oldest is dropped: everything is sent again if no answer comes.
_MOST_WAITING = 256
_SECOND = 1.0


class RateLimiter:
    """Holds messages back that would exceed the limit in any one second."""

    def __init__(self, per_second: int = limits.MAX_PUBLISHES_PER_SECOND) -> None:
        self._per_second = per_second
        self._sent: deque[float] = deque(maxlen=per_second)
        self._waiting: deque[Publish] = deque(maxlen=_MOST_WAITING)

    @property
    def waiting(self) -> int:
        """How many messages are held back."""
        return len(self._waiting)

    def offline(self) -> None:
        """The connection ended: drop what is held back."""
        self._waiting.clear()

    def offer(self, message: Publish, now: float) -> list[Publish]:
        """Return what may be sent now."""
        self._waiting.append(message)
        return self.tick(now)

    def tick(self, now: float) -> list[Publish]:
        """Return what may be sent now, oldest first."""
        ready: list[Publish] = []
        while self._waiting and self._free(now):
            self._sent.append(now)
            ready.append(self._waiting.popleft())
        return ready

    @property
    def next_due(self) -> float:
        """When a held back message may be sent; infinity if there is none."""
        return self._free_from if self._waiting else math.inf

    @property
    def _free_from(self) -> float:
        return self._sent[0] + _SECOND if len(self._sent) == self._per_second else -math.inf

    def _free(self, now: float) -> bool:
        return now >= self._free_from
