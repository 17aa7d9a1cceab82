"""What the appliance tells systemd: ready, alive, stopping (sd_notify's datagrams)."""

from __future__ import annotations

import os
import socket


def tell_systemd(note: str) -> None:
    """Send a note such as `READY=1`; without systemd nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(note.encode(), address)


def watchdog_seconds() -> float | None:
    """Return how often systemd wants to hear from us (twice in its time limit), or None."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 / 2 if microseconds.isdigit() else None
