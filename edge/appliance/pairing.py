"""Pairing: a browser is signed in by the button, without a PIN.

A browser that asks gets four digits, and the light blinks those of one browser at a time. A press
of the button signs in the browser whose digits the light was blinking when the finger went down,
once it had blinked them all, and no other; then pairing is over. `Pairing` is pure: times and
random choices are passed in, and the player of the light reports when all digits have been blinked.

Browsers take turns on the light. Those of the address with the fewest turns so far come first, so
a browser that asks again and again waits for all others, and each address gets only so many turns.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from edge.addresses import address_group

DIGITS = 4
# Few enough that every digit can be counted from blinks.
_DIGIT_CHOICES = "123456"
WINDOW_SECONDS = 600.0
# A browser asks every second or two; one that doesn't any more has gone.
GONE_SECONDS = 60.0
# How long a browser that was paired may take to fetch its session.
COLLECT_SECONDS = 60.0
MOST_BROWSERS = 64
# A turn is this many times the four digits.
ROUNDS_OF_A_TURN = 2
MOST_TURNS_OF_AN_ADDRESS = 20
_MOST_ADDRESSES = 4096

PairingStatus: TypeAlias = Literal["waiting", "shown", "ended"]


@dataclass(eq=False)
class WaitingBrowser:
    """A browser that asks to be paired.

    Attributes:
        secret: which only that browser knows; it gets its session for it.
        digits: what it shows.
        address: which it asked from.
        seen_at: when it last asked.
    """

    secret: str
    digits: str
    address: str
    seen_at: float

    @property
    def group(self) -> str:
        """The group of addresses that turns are counted for."""
        return address_group(self.address)


@dataclass
class Pairing:
    """Which browser the light shows, and which one was paired.

    Args:
        choose: picks one of several at random.
    """

    choose: Callable[[Sequence[str]], str] = secrets.choice
    shown: WaitingBrowser | None = None
    _waiting: dict[str, WaitingBrowser] = field(default_factory=dict)
    _turns: Counter[str] = field(default_factory=Counter)
    _open_until: float = 0.0
    _is_new: bool = False
    _paired: WaitingBrowser | None = None
    _paired_at: float = 0.0
    _rounds: int = 0
    _rounds_of_turn: int = 0

    def start_new(self) -> None:
        """Be open until somebody has signed in: nobody ever has on this device."""
        self._is_new = True

    def open(self, now: float) -> None:
        """Open for ten minutes, with all turns given back; browsers that wait go on waiting."""
        self._open_until = now + WINDOW_SECONDS
        self._turns.clear()

    def close(self) -> None:
        """Pair nobody until it is opened again."""
        self._is_new, self._open_until, self.shown = False, 0.0, None
        self._waiting.clear()

    def signed_in(self) -> None:
        """Note that somebody has signed in: the device isn't new any more."""
        self._is_new = False

    def is_open(self, now: float) -> bool:
        """Return whether a browser may ask."""
        return self._is_new or now < self._open_until

    def was_opened(self, now: float) -> bool:
        """Return whether the button opened it, and it hasn't ended."""
        return now < self._open_until

    def ask(self, address: str, now: float) -> WaitingBrowser | Literal["closed", "busy"]:
        """Let a browser wait for its turn.

        An address has one browser waiting: a new one takes the place of the one before it, unless
        the light is showing that.
        """
        if not self.is_open(now):
            return "closed"
        self._forget_gone(now)
        group = address_group(address)
        if self._turns[group] >= MOST_TURNS_OF_AN_ADDRESS:
            return "busy"
        for other in list(self._waiting.values()):
            if other.group == group:
                if other is self.shown:
                    return "busy"
                del self._waiting[other.secret]
        if len(self._waiting) >= MOST_BROWSERS:
            del self._waiting[self._most_turns()]
        taken = {other.digits for other in self._waiting.values()}
        while (digits := self._new_digits()) in taken:
            pass
        browser = WaitingBrowser(secrets.token_urlsafe(16), digits, address, now)
        self._waiting[browser.secret] = browser
        return browser

    def look(self, secret: str, now: float) -> PairingStatus | WaitingBrowser:
        """Return a browser's status, or the browser itself, once, if it was paired."""
        paired = self._paired
        if paired is not None and secrets.compare_digest(paired.secret.encode(), secret.encode()):
            self._paired = None
            return paired if now < self._paired_at + COLLECT_SECONDS else "ended"
        self._forget_gone(now)
        browser = self._waiting.get(secret)
        if browser is None:
            return "ended"
        browser.seen_at = now
        return "shown" if browser is self.shown else "waiting"

    def digits_of(self, secret: str) -> str:
        """Return the digits of a browser that waits; empty if it doesn't."""
        browser = self._waiting.get(secret)
        return browser.digits if browser is not None else ""

    @property
    def is_comparable(self) -> bool:
        """Whether the light has blinked all digits of the browser whose turn it is."""
        return self._rounds > 0

    def blinked(self) -> None:
        """Count that the light has blinked all digits of the browser whose turn it is."""
        self._rounds += 1
        self._rounds_of_turn += 1

    def advance(self, now: float) -> WaitingBrowser | None:
        """Return whose turn it is, which the light is to show."""
        self._forget_gone(now)
        if self.shown is None or self._rounds_of_turn >= ROUNDS_OF_A_TURN:
            self._next_turn()
        return self.shown

    def _next_turn(self) -> None:
        before = self.shown
        for one in list(self._waiting.values()):
            if self._turns[one.group] >= MOST_TURNS_OF_AN_ADDRESS:
                del self._waiting[one.secret]
        others = [one for one in self._waiting.values() if one is not before]
        ready = others or list(self._waiting.values())
        self.shown = None
        self._rounds_of_turn = 0
        if ready:
            fewest = min(self._turns[one.group] for one in ready)
            first = [one.secret for one in ready if self._turns[one.group] == fewest]
            self.shown = self._waiting[self.choose(first)]
            self._count_turn(self.shown.group)
        if self.shown is not before:
            self._rounds = 0

    def _count_turn(self, group: str) -> None:
        if group not in self._turns and len(self._turns) >= _MOST_ADDRESSES:
            del self._turns[next(iter(self._turns))]
        self._turns[group] += 1

    def pair(self, browser: WaitingBrowser, now: float) -> bool:
        """Sign in this browser, and close.

        Returns:
            False if it no longer waits.
        """
        if browser.secret not in self._waiting or not self.is_open(now):
            return False
        self.close()
        self._paired, self._paired_at = browser, now
        return True

    def _forget_gone(self, now: float) -> None:
        if not self.is_open(now):
            self.close()
        gone = [one for one in self._waiting.values() if now >= one.seen_at + GONE_SECONDS]
        for one in gone:
            del self._waiting[one.secret]
        if self.shown is not None and self.shown.secret not in self._waiting:
            self.shown = None

    def _most_turns(self) -> str:
        """Return who makes room: one of those whose addresses have had most turns."""
        others = [one for one in self._waiting.values() if one is not self.shown]
        most = max(self._turns[one.group] for one in others)
        return self.choose([one.secret for one in others if self._turns[one.group] == most])

    def _new_digits(self) -> str:
        return "".join(self.choose(_DIGIT_CHOICES) for _ in range(DIGITS))
