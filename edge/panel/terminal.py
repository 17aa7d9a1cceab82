"""The terminal as a front panel: keys press the simulated button, and the LED is drawn in it.

If standard output isn't a terminal, each line of text is written as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import termios
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

from edge.panel.button import PAIRING_HOLD_SECONDS, SHORT_PRESS_SECONDS

_CLEAR_LINE = "\r\x1b[2K"
# From dark to bright, as grey levels of the 256-colour palette, ending in a real green.
_GREENS = ("236", "22", "28", "34", "40", "46")
HELP = """\
keys: space presses, a approves, r and a digit rate (0 is 10 stars), s synchronises
      p holds the button for 25 s, which opens pairing; q stops, ? shows this
      a digit alone holds the button for that many seconds, 0 for 12"""


@dataclass(frozen=True)
class KeyActions:
    """What keys do.

    Attributes:
        hold: hold the button for this many seconds.
        approve: approve the pick that waits.
        rate: give the newest approved film this many stars, 1 to 10.
        synchronise: connect and verify now.
        stop: stop the appliance.
    """

    hold: Callable[[float], object]
    approve: Callable[[], object]
    rate: Callable[[int], object]
    synchronise: Callable[[], object]
    stop: Callable[[], object]


class Terminal:
    """A front panel made of text.

    Args:
        out: where lines are written.
        keys: where keys come from, if there are any.
        simulates: print what the LED shows. A real LED is visible, and blinks would wear out the SD
            card that keeps the log.
    """

    def __init__(self, out: TextIO, keys: TextIO | None, *, simulates: bool) -> None:
        self._shows_led = simulates
        self._out = out
        self._draws = out.isatty()
        self._keys = keys if keys is not None and not keys.closed and keys.isatty() else None
        self._brightness = 0.0
        self._pattern = ""
        self._rates = False  # the next digit is a rating

    def say(self, line: str) -> None:
        """Write a line; what begins with `led: ` also names what the LED shows."""
        if line.startswith("led: ") and not self._shows_led:
            return
        if self._draws and line.startswith("led: "):
            self._pattern = line
        else:
            self._write(f"{_CLEAR_LINE if self._draws else ''}{line}\n")
        self._draw()

    def light(self, brightness: float) -> None:
        """Draw the LED."""
        self._brightness = brightness
        self._draw()

    def _draw(self) -> None:
        if not (self._draws and self._shows_led):
            return
        green = _GREENS[round(self._brightness * (len(_GREENS) - 1))]
        self._write(f"{_CLEAR_LINE}\x1b[38;5;{green}m●\x1b[0m {self._pattern}")

    def _write(self, text: str) -> None:
        # If no one reads the output any more, the appliance keeps running.
        with contextlib.suppress(OSError):
            self._out.write(text)
            self._out.flush()

    @contextlib.contextmanager
    def reading_keys(self, actions: KeyActions) -> Iterator[None]:
        """While this is open, keys carry out actions."""
        if self._keys is None or _in_background(self._keys.fileno()):
            yield
            return
        descriptor = self._keys.fileno()
        # Moved to the background later, we'd be stopped for reading a key, or at the end for
        # restoring the terminal; now reading fails.
        for number in (signal.SIGTTIN, signal.SIGTTOU):
            signal.signal(number, signal.SIG_IGN)
        before = termios.tcgetattr(descriptor)
        raw = termios.tcgetattr(descriptor)
        raw[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, raw)
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, lambda: self._take_keys(descriptor, actions))
        self.say(HELP)
        try:
            yield
        finally:
            loop.remove_reader(descriptor)
            # A closed terminal has no settings to restore.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
            self._write("\n")

    def _take_keys(self, descriptor: int, actions: KeyActions) -> None:
        try:
            keys = os.read(descriptor, 64)
        except OSError:  # the terminal was closed, or we were moved to the background
            keys = b""
        if not keys:
            asyncio.get_running_loop().remove_reader(descriptor)
        for key in keys.decode("ascii", "ignore"):
            self._take_key(key.lower(), actions)

    def _take_key(self, key: str, actions: KeyActions) -> None:
        rates, self._rates = self._rates, key == "r"
        if key.isdigit():
            number = int(key)
            if rates:
                actions.rate(number or 10)
            else:
                actions.hold(float(number or 12))
        elif key in " \n":
            actions.hold(SHORT_PRESS_SECONDS)
        elif key == "r":
            self.say("stars? 1 to 9, or 0 for 10; any other key cancels")
        elif key == "a":
            actions.approve()
        elif key == "p":
            actions.hold(PAIRING_HOLD_SECONDS)
        elif key == "s":
            actions.synchronise()
        elif key == "q":
            actions.stop()
        elif key == "?":
            self.say(HELP)


def _in_background(descriptor: int) -> bool:
    """Say whether a shell runs us in the background, where reading keys would stop us."""
    try:
        return os.tcgetpgrp(descriptor) != os.getpgrp()
    except OSError:  # not the terminal that controls us
        return False
