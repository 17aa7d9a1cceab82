"""The connection's state, and when to try again. Pure.

Every wait is full jitter: random, up to a growing, capped limit. So is the first one after a start
and after a lost connection: a power cut or a broker's restart reaches a whole fleet at once, and
AWS accepts 500 connects a second for an account. The limit shrinks again only after a connection
has lasted, so a broker that drops us immediately isn't hammered.
"""

from __future__ import annotations

import enum
import math
import random

import msgspec

# A connection that lasts this long, or ten times the first wait if that is less, is stable.
_STABLE_SECONDS = 120.0
_STABLE_BASES = 10
_MOST_DOUBLINGS = 32


class ConnectionState(enum.Enum):
    """The states of the connection."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    ONLINE = "online"


class Backoff(msgspec.Struct, frozen=True):
    """How long to wait: a random part of `base_seconds` doubled per attempt, up to the cap."""

    base_seconds: float
    cap_seconds: float

    def delay(self, attempts: int, rng: random.Random) -> float:
        """Return the seconds to wait after this many failed attempts."""
        limit = self.base_seconds * 2 ** min(attempts, _MOST_DOUBLINGS)
        return rng.uniform(0, min(limit, self.cap_seconds))

    @property
    def stable_seconds(self) -> float:
        """How long a connection must last to count as stable."""
        return min(_STABLE_SECONDS, self.base_seconds * _STABLE_BASES)


class Connection:
    """The state of the one connection. Times are monotonic seconds."""

    def __init__(self, backoff: Backoff, rng: random.Random, now: float) -> None:
        self._backoff = backoff
        self._rng = rng
        self.state = ConnectionState.OFFLINE
        self.attempts = 0
        self.reason = "starting"
        self.since = now
        self.next_try = now + backoff.delay(0, rng)

    @property
    def online(self) -> bool:
        """Whether there is a connection to publish over."""
        return self.state is ConnectionState.ONLINE

    def due(self, now: float) -> bool:
        """Return whether to connect now; if so, the state becomes connecting."""
        if self.state is not ConnectionState.OFFLINE or now < self.next_try:
            return False
        self._become(ConnectionState.CONNECTING, now)
        return True

    def hangs(self, now: float, timeout_seconds: float) -> bool:
        """Return whether an attempt has gone on for too long without succeeding or failing."""
        return self.state is ConnectionState.CONNECTING and now >= self.since + timeout_seconds

    def next_due(self, timeout_seconds: float) -> float:
        """Return when an attempt is due, or hangs; infinity while online."""
        match self.state:
            case ConnectionState.OFFLINE:
                return self.next_try
            case ConnectionState.CONNECTING:
                return self.since + timeout_seconds
            case ConnectionState.ONLINE:
                return math.inf

    def connected(self, now: float) -> None:
        """The broker accepted us."""
        self.reason = ""
        self._become(ConnectionState.ONLINE, now)

    def dropped(self, reason: str, now: float) -> None:
        """The attempt failed or the connection ended."""
        lasted = now - self.since if self.online else 0.0
        self.attempts = 0 if lasted >= self._backoff.stable_seconds else self.attempts + 1
        self.reason = reason
        self.next_try = now + self._backoff.delay(self.attempts, self._rng)
        self._become(ConnectionState.OFFLINE, now)

    def connect_now(self, now: float) -> None:
        """Someone wants a connection now: skip the rest of the delay."""
        if self.state is ConnectionState.OFFLINE:
            self.next_try = min(self.next_try, now)

    def _become(self, state: ConnectionState, now: float) -> None:
        self.state = state
        self.since = now
