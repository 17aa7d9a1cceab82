"""Notifies systemd that a service is ready, alive or stopping (sd_notify's datagrams)."""

from __future__ import annotations

import os
import socket
import time


def notify_systemd(note: str) -> None:
    """Send a note such as `READY=1`; does nothing without systemd."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(note.encode(), address)


class Watchdog:
    """systemd's watchdog: a service that doesn't feed it in time is restarted."""

    def __init__(self) -> None:
        limit = os.environ.get("WATCHDOG_USEC", "")
        # Twice in the time systemd allows.
        self._every_seconds = int(limit) / 2e6 if limit.isdigit() else None
        self._next = 0.0

    def feed(self) -> None:
        """Report that the service is alive, as often as systemd requires."""
        now = time.monotonic()
        if self._every_seconds is not None and now >= self._next:
            notify_systemd("WATCHDOG=1")
            self._next = now + self._every_seconds
