"""What the service tells systemd: ready, alive, stopping (sd_notify's datagrams)."""

from __future__ import annotations

import os
import socket
import time


class ServiceNotes:
    """Speaks to systemd where it listens; elsewhere nothing happens."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        limit = os.environ.get("WATCHDOG_USEC", "")
        # Twice in the time systemd allows.
        self._beat_seconds = int(limit) / 2e6 if limit.isdigit() else None
        self._next_beat = 0.0

    def tell(self, note: str) -> None:
        """Send a note such as `READY=1`."""
        if self._address:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(note.encode(), self._address)

    def beat(self) -> None:
        """Say that the main loop has come round, as often as systemd wants to hear it."""
        now = time.monotonic()
        if self._beat_seconds is not None and now >= self._next_beat:
            self.tell("WATCHDOG=1")
            self._next_beat = now + self._beat_seconds
