"""The button and the LED on their pins. The only module that knows gpiozero.

Simulated pins are gpiozero's own mock: the same code runs on a laptop, and a press moves the pin.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

from data.errors import GreenlightError
from data.exits import Exit
from edge.config import Config
from edge.service import is_installed

OnEdge = Callable[[bool, float], None]


class NoGpio(GreenlightError):
    """The pins are missing, taken by another program, or of an unknown board."""

    exit_code = Exit.NO_GPIO


class Hardware:
    """One button and one LED.

    Args:
        config: says which pins, and how they are wired.
        on_edge: called with whether the button is down, and the time, from any thread.
        simulate: use mock pins, which `press` and `release` move.

    Raises:
        NoGpio: with what to do about it.
    """

    def __init__(self, config: Config, on_edge: OnEdge, *, simulate: bool) -> None:
        import gpiozero

        # If no pin library works, the error says why.
        warnings.simplefilter("ignore", gpiozero.PinFactoryFallback)

        self.simulated = simulate
        self._factory = _mock_factory() if simulate else None
        self._opened: list[Any] = []
        try:
            # Bounce is `edge.panel.button`'s: gpiozero would hold back the answer to a short press.
            self._button = gpiozero.Button(
                config.button_pin,
                pull_up=config.button_pull_up,
                bounce_time=None,
                pin_factory=self._factory,
            )
            self._opened.append(self._button)
            self._led = gpiozero.PWMLED(
                config.led_pin, active_high=config.led_active_high, pin_factory=self._factory
            )
            self._opened.append(self._led)
        except Exception as error:  # the pin libraries' errors share no base class
            self.close()
            pins = f"GPIO {config.button_pin} and {config.led_pin}"
            raise NoGpio(
                f"{pins} cannot be used: {error or type(error).__name__}; is this a Raspberry Pi,"
                " is lgpio installed, are we in the group gpio, and does no other program use"
                f" them? {_without_pins(config)}"
            ) from error
        self._closed_at_rest = config.button_normally_closed
        if simulate and self._closed_at_rest:
            self.release()
        at_rest = self._closed_at_rest
        self._button.when_pressed = lambda: on_edge(not at_rest, time.monotonic())
        self._button.when_released = lambda: on_edge(at_rest, time.monotonic())

    @property
    def button_is_down(self) -> bool:
        """Whether the button is held right now."""
        return bool(self._button.is_pressed) is not self._closed_at_rest

    @property
    def led_pin(self) -> Any:
        """The LED's pin; a mock pin remembers its states."""
        return self._led.pin

    def light(self, brightness: float) -> None:
        """Light the LED, from 0 to 1."""
        self._led.value = brightness

    def press(self) -> None:
        """Push the simulated button down."""
        self._move(down=True)

    def release(self) -> None:
        """Let the simulated button up."""
        self._move(down=False)

    def _move(self, *, down: bool) -> None:
        if not self.simulated:
            raise NoGpio("this appliance has a real button: press that")
        pin = self._button.pin
        pulled_up = self._button.pull_up
        if (down is not self._closed_at_rest) == pulled_up:
            pin.drive_low()
        else:
            pin.drive_high()

    def close(self) -> None:
        """Switch the LED off and give the pins back."""
        for device in reversed(self._opened):
            device.close()
        self._opened.clear()
        if self._factory is not None:
            self._factory.close()
            self._factory = None


def _without_pins(config: Config) -> str:
    if is_installed(config.state):
        return "GREENLIGHT_OPTIONS=--simulate in /etc/greenlight/environment needs none"
    return "`greenlight run --simulate` needs none"


def _mock_factory() -> Any:
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    return MockFactory(pin_class=MockPWMPin)
