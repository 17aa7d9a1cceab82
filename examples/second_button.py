"""One more button on the Pi, beside the appliance: press it to approve the pick that waits.

`python examples/second_button.py [STATE]`, as a user of the appliance's group. The button is
between GPIO 22 and ground. It is a separate process: it talks to the appliance through its
control socket, so neither can hurt the other.
"""

import signal
import sys
from pathlib import Path

from gpiozero import Button

from data.errors import GreenlightError
from edge.appliance import client

PIN = 22


def approve(state: Path) -> None:
    """Approve the waiting pick, and print the outcome."""
    try:
        reply = client.ask(state, "approve")
    except GreenlightError as error:
        print(error, flush=True)
    else:
        print(reply["message"] if reply["ok"] else reply["error"], flush=True)


def second_button(state: Path) -> Button:
    """Return a button that approves when it is pressed; keep a reference to it."""
    button = Button(PIN, bounce_time=0.05)
    button.when_pressed = lambda: approve(state)
    return button


if __name__ == "__main__":
    button = second_button(Path(sys.argv[1] if sys.argv[1:] else "/var/lib/greenlight"))
    signal.pause()
