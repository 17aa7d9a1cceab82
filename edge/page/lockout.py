"""How often a PIN may be guessed. Pure: the clock is handed in.

Wrong PINs lock the door for everyone alike, since addresses on a LAN cost nothing. Nobody can use
that to keep the owner out: a press of the real button opens the door at once.
"""

from __future__ import annotations

FREE_GUESSES = 5
FIRST_LOCK_SECONDS, LONGEST_LOCK_SECONDS = 60.0, 3600.0


class Lockout:
    """Counts wrong PINs; seconds are of any clock that only goes forward."""

    def __init__(self) -> None:
        self._wrong = 0
        self._locked_until = 0.0

    def seconds_left(self, now: float) -> float:
        """Return for how long no PIN is looked at; zero if one is."""
        return max(0.0, self._locked_until - now)

    def guessed_wrong(self, now: float) -> None:
        """Take in that a PIN was wrong. Each after the free ones locks for twice as long."""
        self._wrong += 1
        beyond = self._wrong - FREE_GUESSES
        if beyond >= 0:
            seconds = min(FIRST_LOCK_SECONDS * 2.0 ** min(beyond, 16), LONGEST_LOCK_SECONDS)
            self._locked_until = now + seconds

    def guessed_right(self) -> None:
        """Take in that a PIN was right."""
        self._wrong = 0

    def lift(self) -> None:
        """Take in that someone stands at the appliance and has pressed its button."""
        self._wrong, self._locked_until = 0, 0.0
