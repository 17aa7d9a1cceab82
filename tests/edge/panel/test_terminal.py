"""On a terminal the keyboard is the button and the LED is drawn."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from edge.panel.button import SHORT_PRESS_SECONDS
from edge.panel.terminal import HELP, KeyActions, Terminal

IN_BACKGROUND = Path(__file__).parents[1] / "in_background.py"


def test_keys_press_and_hold_and_the_led_is_drawn(supplied):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--simulate", "--config", str(supplied.config)],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    seen = ""

    def see(what: str) -> None:
        nonlocal seen
        deadline = time.monotonic() + 30
        while what not in seen:
            assert time.monotonic() < deadline, f"{what!r} was never seen in {seen!r}"
            seen += os.read(ours, 4096).decode("utf-8", "replace")

    try:
        see("keys: space presses")
        see("led: solid")
        assert not termios.tcgetattr(ours)[3] & termios.ECHO
        assert "●" in seen
        os.write(ours, b" ")
        see("led: fast pulse")
        see("pick: ")
        see("led: two blinks")
        os.write(ours, b"2")
        see("led: held: 2")
        see("approved: ")
        process.send_signal(signal.SIGTERM)
        see("stopping")
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
        # The terminal is left as it was found.
        assert termios.tcgetattr(ours)[3] & termios.ECHO
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


def test_keys_approve_rate_synchronise_explain_and_stop():
    did: list[object] = []
    actions = KeyActions(
        hold=did.append,
        approve=lambda: did.append("approve"),
        rate=lambda stars: did.append(("rate", stars)),
        synchronise=lambda: did.append("synchronise"),
        stop=lambda: did.append("stop"),
    )
    shown = io.StringIO()

    async def type_(typed: bytes) -> None:
        ours, theirs = pty.openpty()
        with os.fdopen(theirs) as keys, Terminal(shown, keys, simulates=True).reading_keys(actions):
            os.write(ours, typed)
            while len(did) < 9:
                await asyncio.sleep(0)
        os.close(ours)

    # After r a digit is a rating, once; any other key means what it always does.
    asyncio.run(asyncio.wait_for(type_(b"ar8r0rs53\n?0Q"), 20))
    assert did == [
        "approve", ("rate", 8), ("rate", 10), "synchronise", 5.0, 3.0, SHORT_PRESS_SECONDS, 12.0,
        "stop",
    ]  # fmt: skip
    assert shown.getvalue().count(HELP) == 2


def test_it_keeps_running_when_its_output_is_closed(supplied):
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--simulate", "--config", str(supplied.config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # Ended in any case: a failure would otherwise wait for it forever.
    with process, contextlib.ExitStack() as ending:
        ending.callback(process.kill)
        assert process.stdout is not None
        while not process.stdout.readline().startswith(b"model: films"):
            pass
        process.stdout.close()
        assert supplied.ask("press")["ok"]
        assert supplied.ask("approve")["ok"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.mark.parametrize("foreground", ["never", "first"])
def test_in_the_background_of_a_shell_it_keeps_running_and_ends_cleanly(supplied, foreground):
    running = supplied.start(under=(sys.executable, str(IN_BACKGROUND), foreground))
    running.wait_for("model: films")
    assert supplied.ask("press")["ok"]
    assert running.stop() == 0


def test_the_led_is_printed_only_where_it_cannot_be_drawn():
    printed = io.StringIO()
    for simulates in (False, True):
        terminal = Terminal(printed, None, simulates=simulates)
        terminal.say("led: solid")
        terminal.say("ready")
        terminal.light(1.0)
    assert printed.getvalue() == "ready\nled: solid\nready\n"
