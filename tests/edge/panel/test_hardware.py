"""Button and LED through gpiozero's mock pins, judged by the pins' states."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from edge.config import Config
from edge.panel.button import Button, ButtonPressed
from edge.panel.hardware import Hardware, NoGpio
from edge.panel.led import STEPS, LedPlayer, Pattern


def edges_of(config: Config) -> list[bool]:
    edges: list[bool] = []
    hardware = Hardware(config, lambda down, at: edges.append(down), simulate=True)
    try:
        assert not hardware.button_is_down
        hardware.press()
        assert hardware.button_is_down
        hardware.release()
        assert not hardware.button_is_down
    finally:
        hardware.close()
    return edges


@pytest.mark.parametrize("pull_up", [True, False])
def test_the_button_is_heard_however_it_is_wired(pull_up):
    assert edges_of(Config(button_pull_up=pull_up, button_pin=5)) == [True, False]


def test_a_button_held_while_we_start_asks_for_nothing():
    hardware = Hardware(Config(), lambda *_: None, simulate=True)
    hardware.press()
    button = Button(Config().button_bounce_seconds, down=hardware.button_is_down)
    assert button.edge(False, 15.0) == []
    assert button.edge(True, 20.0) == [ButtonPressed()]
    hardware.close()


@pytest.mark.parametrize("active_high", [True, False])
def test_the_led_is_lit_however_it_is_wired(active_high):
    hardware = Hardware(Config(led_active_high=active_high), lambda *_: None, simulate=True)
    pin = hardware.led_pin
    hardware.light(1.0)
    assert pin.state == (1.0 if active_high else 0.0)
    hardware.light(0.0)
    assert pin.state == (0.0 if active_high else 1.0)
    hardware.close()


def shown_on_pin(pattern: Pattern, count: int) -> list[float]:
    """Play a pattern without waiting and return the states that the LED's pin went through."""

    async def play() -> list[float]:
        hardware = Hardware(Config(), lambda *_: None, simulate=True)
        slept: list[float] = []
        enough = asyncio.Event()

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) >= count:
                enough.set()
                await asyncio.Event().wait()

        lights = LedPlayer(hardware.light, sleep)
        hardware.led_pin.clear_states()
        lights.show(pattern)
        await enough.wait()
        assert slept[:count] == [
            step.seconds for step in itertools.islice(itertools.cycle(STEPS[pattern]), count)
        ]
        states = [state.state for state in hardware.led_pin.states]
        await lights.close()
        assert hardware.led_pin.state == 0.0
        hardware.close()
        return states

    return asyncio.run(play())


@pytest.mark.parametrize("pattern", Pattern)
def test_every_pattern_is_seen_on_the_pin_again_and_again(pattern):
    steps = STEPS[pattern]
    brightness = [0.0, *(step.brightness for step in steps * 2)]
    # The pin notes changes only.
    changes = [now for now, _ in itertools.groupby(brightness)]
    seen = shown_on_pin(pattern, 2 * len(steps))
    assert [now for now, _ in itertools.groupby(seen)] == pytest.approx(changes)


def test_a_new_pattern_is_seen_at_once_and_the_old_one_is_forgotten():
    async def play() -> list[float]:
        levels: list[float] = []
        lights = LedPlayer(levels.append, lambda _: asyncio.Event().wait())
        assert lights.show(Pattern.SOLID)
        assert not lights.show(Pattern.SOLID)
        assert lights.show(Pattern.HELD)
        await lights.close()
        return levels

    assert asyncio.run(play()) == [1.0, 0.2, 0.0]


def test_a_pin_that_is_taken_is_a_clear_error():
    with pytest.raises(NoGpio, match=r"GPIO 5 and 5 cannot be used.*does no other program use"):
        Hardware(Config(button_pin=5, led_pin=5), lambda *_: None, simulate=True)


def test_missing_gpio_is_a_clear_error(monkeypatch):
    import gpiozero

    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "none-such")
    with pytest.raises(NoGpio, match="is this a Raspberry Pi"):
        Hardware(Config(), lambda *_: None, simulate=False)


def test_a_real_button_is_not_pressed_by_program(monkeypatch):
    import gpiozero
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    monkeypatch.setattr(gpiozero.Device, "pin_factory", MockFactory(pin_class=MockPWMPin))
    hardware = Hardware(Config(), lambda *_: None, simulate=False)
    with pytest.raises(NoGpio, match="press that"):
        hardware.press()
    hardware.close()


@pytest.mark.parametrize("pull_up", [True, False])
def test_a_normally_closed_button_is_heard_too(pull_up):
    config = Config(button_normally_closed=True, button_pull_up=pull_up, button_pin=5)
    assert edges_of(config) == [True, False]
