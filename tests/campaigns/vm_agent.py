"""Inside the virtual machine: the finger on the button, the eye on the light, a shell for the test.

Makes a gpio-sim chip that looks like a Pi's (`prepare`), then answers JSON lines on the second
serial port (`serve`). Standard library only.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import time
import tty
from pathlib import Path
from typing import Any

_CHIP = Path("/sys/kernel/config/gpio-sim/pi")
_LABEL, _LINES = "pinctrl-bcm2711", 54
_BUTTON, _LED = 17, 27
_PORT = "/dev/ttyS1"
_SOCKET = "/var/lib/greenlight/control.sock"


def prepare() -> None:
    """Make the chip, with the button up."""
    subprocess.run(["modprobe", "configfs"], check=False)
    subprocess.run(["insmod", "/opt/vm/gpio-sim.ko"], check=True)
    if not _CHIP.parent.exists():
        subprocess.run(["mount", "-t", "configfs", "none", "/sys/kernel/config"], check=True)
    bank = _CHIP / "bank0"
    bank.mkdir(parents=True)
    (bank / "num_lines").write_text(str(_LINES))
    (bank / "label").write_text(_LABEL)
    for number in (_BUTTON, _LED):
        line = bank / f"line{number}"
        line.mkdir()
        (line / "name").write_text(f"GPIO{number}")
    (_CHIP / "live").write_text("1")
    _pull("pull-up")
    subprocess.run(["udevadm", "settle"], check=False)


def _line(number: int) -> Path:
    device = (_CHIP / "dev_name").read_text().strip()
    chip = (_CHIP / "bank0/chip_name").read_text().strip()
    return Path(f"/sys/devices/platform/{device}/{chip}/sim_gpio{number}")


def _pull(way: str) -> None:
    (_line(_BUTTON) / "pull").write_text(way)


def press(seconds: float, bounces: int) -> float:
    """Push the button down for so long, its contact bouncing at both ends.

    It rattles as fast as it can: emulated, each write takes milliseconds by itself.

    Returns:
        How long it was down in truth: on a busy machine longer than was asked for.
    """
    for _ in range(bounces):
        _pull("pull-down")
        _pull("pull-up")
    began = time.monotonic()
    _pull("pull-down")
    time.sleep(seconds)
    for _ in range(bounces):
        _pull("pull-up")
        _pull("pull-down")
    _pull("pull-up")
    return time.monotonic() - began


def look(seconds: float) -> dict[str, float]:
    """Watch the light: the share of time it is on, and how often it changes."""
    value = os.open(_line(_LED) / "value", os.O_RDONLY)
    seen: list[bytes] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.append(os.pread(value, 1, 0))
        time.sleep(0.002)
    os.close(value)
    changes = sum(a != b for a, b in itertools.pairwise(seen))
    return {"on": seen.count(b"1") / len(seen), "changes": changes, "samples": len(seen)}


def ask(request: dict[str, Any]) -> Any:
    """Ask the appliance by its control socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(240)
        connection.connect(_SOCKET)
        connection.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(connection.makefile().readline())


def carry_out(order: dict[str, Any]) -> Any:
    """Carry out one order of the test."""
    if "press" in order:
        return press(order["press"], order.get("bounces", 0))
    if "look" in order:
        return look(order["look"])
    if "ask" in order:
        return ask(order["ask"])
    done = subprocess.run(
        order["shell"], shell=True, capture_output=True, text=True, timeout=300, check=False
    )
    return {"code": done.returncode, "said": done.stdout[-60_000:] + done.stderr[-4000:]}


def serve() -> None:
    """Answer orders until the machine ends."""
    port = os.open(_PORT, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    with (
        os.fdopen(port, "rb", buffering=0) as reading,
        Path(_PORT).open("wb", buffering=0) as writing,
    ):
        writing.write(b"\n" + json.dumps({"hello": True}).encode() + b"\n")
        rest = b""
        while chunk := reading.read(4096):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    writing.write(json.dumps(_answer(line)).encode() + b"\n")


def _answer(line: bytes) -> dict[str, Any]:
    try:
        order = json.loads(line)
        return {"number": order.get("number"), "answer": carry_out(order)}
    except Exception as error:  # noqa: BLE001 - whatever it is, report it to the test
        return {"number": None, "failed": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    {"prepare": prepare, "serve": serve}[sys.argv[1]]()
