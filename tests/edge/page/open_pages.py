"""Many open pages at once, each doing what the page's script does: listen, reload on a change."""

from __future__ import annotations

import contextlib
import itertools
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psutil

from edge.appliance.client import ask

from .running_appliance import RunningAppliance, Visitor

PATHS = ("/", "/slate", "/history", "/model", "/sync")


class OpenPage:
    """One page, kept live in a thread."""

    def __init__(self, visitor: Visitor, path: str) -> None:
        self.looks = 0
        self.bad: list[int] = []
        self._visitor, self._path = visitor, path
        self._socket = socket.create_connection(("127.0.0.1", visitor.port), 10)
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def _live(self) -> None:
        visitor = self._visitor
        self._socket.sendall(
            f"GET /events HTTP/1.1\r\nhost: {visitor.host}\r\ncookie: {visitor.cookie}\r\n"
            "accept: text/event-stream\r\n\r\n".encode()
        )
        with contextlib.suppress(OSError, ValueError), self._socket.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"event: "):
                    status = visitor.get(self._path)[0]
                    self.looks += 1
                    if status != 200:
                        self.bad.append(status)


@contextlib.contextmanager
def open_pages(appliance: RunningAppliance, number: int) -> Iterator[list[OpenPage]]:
    """Open pages of several people: a session has only so many live ones."""
    visitors = []
    for _ in range((number + 2) // 3):
        visitors.append(Visitor(appliance.port))
        assert visitors[-1].sign_in(appliance.pin) == 303
    paths = itertools.cycle(PATHS)
    pages = [OpenPage(visitors[place // 3], next(paths)) for place in range(number)]
    try:
        yield pages
    finally:
        for page in pages:
            page.close()


class Events:
    """An appliance's everyday events, one after another."""

    def __init__(self, appliance: RunningAppliance) -> None:
        self._appliance = appliance
        self.press_seconds: list[float] = []

    def happen(self, number: int) -> None:
        """Cause one event: mostly news of the connection, now and then a film."""
        if number % 4 == 0:
            self.press()
        if number % 20 == 0:
            self._tell("approve")
            self._tell("rate", stars=float(1 + number // 20 % 10))
        state = ("offline", "connecting", "online")[number % 3]
        now = datetime.now(UTC)
        with self._appliance.journal() as journal:
            journal.set_sync_state(
                "connection",
                {
                    "state": state,
                    "since": (now - timedelta(seconds=number)).isoformat(),
                    "next_try_at": (now + timedelta(seconds=40)).isoformat(),
                    "attempts": number,
                },
            )

    def press(self) -> None:
        """Press the button, and note how long the answer took."""
        began = time.perf_counter()
        self._tell("press")
        self.press_seconds.append(time.perf_counter() - began)

    def _tell(self, command: str, **values: object) -> None:
        reply = ask(self._appliance.state, command, **values)
        assert reply["ok"], reply


def resident_mb(appliance: RunningAppliance) -> tuple[float, float]:
    """Return the resident memory of the appliance and of its page."""
    assert appliance.process is not None
    process = psutil.Process(appliance.process.pid)
    page = next(one for one in process.children() if "page" in one.cmdline())
    return process.memory_info().rss / 2**20, page.memory_info().rss / 2**20


def median_press(events: Events, times: int) -> float:
    """Return the median time of some presses."""
    events.press_seconds.clear()
    for _ in range(times):
        events.press()
    return statistics.median(events.press_seconds)
