"""An appliance under siege: its page and its control socket flooded while its owner presses.

`python -m tests.edge.page.siege PORT STATE ADDRESSES SECONDS` floods it from another process,
with a lower priority: on a network it would have its own processor.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pty
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from edge.appliance.client import short_path

from .running_appliance import RunningAppliance, Visitor

ROOT = Path(__file__).parents[3]
IDLE, SLOW, CONTROL_IDLE = 1500, 100, 200
REQUESTS_PER_SECOND, CONTROL_REQUESTS_PER_SECOND = 100, 100
WAIT_SECONDS = 30.0
# The page holds 256 connections at most.
FLOODED_DESCRIPTORS = 200


# ---- the flood


class Flood:
    """Holds and makes connections from many addresses, until cancelled."""

    def __init__(self, port: int, state: Path, addresses: int) -> None:
        self._port = port
        self._state = state
        self._addresses = itertools.cycle(
            [f"127.0.{number // 250}.{number % 250 + 2}" for number in range(addresses)]
        )
        self.attempts = 0

    async def run(self, seconds: float) -> None:
        kinds = [
            *[self._hold(b"") for _ in range(IDLE // 50)],
            *[self._hold(b"GET / HTTP/1.1\r\nhost: x", half_open=True) for _ in range(5)],
            *[self._drip() for _ in range(SLOW // 10)],
            *[self._ask(self._request) for _ in range(4)],
            *[self._ask(self._guess) for _ in range(2)],
            *[self._control_idle() for _ in range(CONTROL_IDLE // 20)],
            *[self._control_ask() for _ in range(4)],
        ]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*kinds), seconds)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.attempts += 1
        return await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=(next(self._addresses), 0)
        )

    async def _hold(self, sent: bytes, half_open: bool = False) -> None:
        """Hold fifty connections, and reopen each one that is closed."""
        held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        while True:
            held = [one for one in held if not one[0].at_eof()]
            if len(held) < 50:
                with contextlib.suppress(OSError):
                    reader, writer = await self._connect()
                    writer.write(sent)
                    if half_open:
                        writer.write_eof()
                    held.append((reader, writer))
            await asyncio.sleep(0.02)

    async def _drip(self) -> None:
        """Send ten requests' heads, a byte at a time."""
        while True:
            with contextlib.suppress(OSError):
                made = [await self._connect() for _ in range(10)]
                for byte in b"GET /sign-in HTTP/1.1\r\nx-slow: " + b"x" * 50:
                    for _, writer in made:
                        writer.write(bytes([byte]))
                    await asyncio.sleep(0.1)
                for _, writer in made:
                    writer.close()
            await asyncio.sleep(0.1)

    async def _ask(self, request: Callable[[], bytes]) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await self._connect()
                writer.write(request())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(200), 2)
                writer.close()
            await asyncio.sleep(6 / REQUESTS_PER_SECOND)

    def _request(self) -> bytes:
        path = random.choice(("/", "/sign-in", "/history", "/static/page.js", "/events"))
        return (
            f"GET {path} HTTP/1.1\r\nhost: localhost:{self._port}\r\n"
            f"cookie: greenlight=x.9.{random.randbytes(8).hex()}\r\n\r\n"
        ).encode()

    def _guess(self) -> bytes:
        body = f"pin={random.randrange(10**8):08}"
        return (
            f"POST /sign-in HTTP/1.1\r\nhost: localhost:{self._port}\r\n"
            f"origin: http://localhost:{self._port}\r\ncontent-length: {len(body)}\r\n"
            f"content-type: application/x-www-form-urlencoded\r\n\r\n{body}"
        ).encode()

    async def _control(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.attempts += 1
        with short_path(self._state / "control.sock") as path:
            return await asyncio.open_unix_connection(path)

    async def _control_idle(self) -> None:
        held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        while True:
            held = [one for one in held if not one[0].at_eof()][-20:]
            with contextlib.suppress(OSError):
                held.append(await self._control())
            await asyncio.sleep(0.05)

    async def _control_ask(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await self._control()
                writer.write(random.choice((b'{"command": "status"}\n', b"x" * 3000, b"{}\n" * 9)))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(200), 2)
                writer.close()
            await asyncio.sleep(4 / CONTROL_REQUESTS_PER_SECOND)


def send_flood(port: int, state: Path, addresses: int, seconds: float) -> None:
    """Run the flood."""
    os.nice(10)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    flood = Flood(port, state, addresses)
    asyncio.run(flood.run(seconds))
    print(flood.attempts)


@contextlib.contextmanager
def flooded(appliance: RunningAppliance, addresses: int, seconds: float) -> Iterator[None]:
    """Flood an appliance until the block ends."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.edge.page.siege", str(appliance.port)),
            *(str(appliance.state), str(addresses), str(seconds)),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(WAIT_SECONDS)


# ---- the owner


class PressedByKeys(RunningAppliance):
    """An appliance with a user who presses keys at its terminal instead of the button."""

    def start(self) -> None:
        self._keys, self.stdin = pty.openpty()
        super().start()
        os.close(self.stdin)

    def stop(self) -> int:
        code = super().stop()
        os.close(self._keys)
        return code

    def press(self, key: str) -> None:
        os.write(self._keys, key.encode())

    def wait_until_flooded(self) -> None:
        """Wait until the page holds many connections."""
        assert self.process is not None
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            page = next(
                one
                for one in psutil.Process(self.process.pid).children()
                if "page" in one.cmdline()
            )
            if page.num_fds() > FLOODED_DESCRIPTORS:
                return
            time.sleep(0.05)
        raise AssertionError("the page never held many connections")


@dataclass
class Figures:
    """The results: how long each press took, and whether everything else was done."""

    press_ms: list[float] = field(default_factory=list)
    done: int = 0
    failed: list[str] = field(default_factory=list)
    log_bytes: int = 0

    @property
    def p50(self) -> float:
        return statistics.median(self.press_ms)

    @property
    def p99(self) -> float:
        return sorted(self.press_ms)[max(0, round(len(self.press_ms) * 0.99) - 1)]


class Owner:
    """Presses, approves and rates as a signed-in owner does."""

    def __init__(self, appliance: PressedByKeys) -> None:
        self._appliance = appliance
        self._browser = Visitor(appliance.port)
        assert self._browser.sign_in(appliance.pin) == 303

    def work(self, presses: int, approvals: int) -> Figures:
        """Press, approve by holding, and rate on the page, a given number of times."""
        figures = Figures()
        before = sum(len(line) + 1 for line in self._appliance.lines)
        for number in range(presses):
            self._try(figures, "press", lambda: figures.press_ms.append(self._press()))
            if number % max(presses // max(approvals, 1), 1) == 0 and number < presses:
                self._try(figures, "approve and rate", self._approve_and_rate)
        figures.log_bytes = sum(len(line) + 1 for line in self._appliance.lines) - before
        return figures

    def _try(self, figures: Figures, what: str, act: Callable[[], object]) -> None:
        try:
            act()
            figures.done += 1
        except (AssertionError, OSError) as error:
            figures.failed.append(f"{what}: {error}"[:300])

    def _press(self) -> float:
        said, began = len(self._appliance.lines), time.perf_counter()
        self._appliance.press(" ")
        self._appliance.wait_for(r"^pick: ", said)
        return (time.perf_counter() - began) * 1000

    def _approve_and_rate(self) -> None:
        said = len(self._appliance.lines)
        self._appliance.press("2")
        self._appliance.wait_for(r"^approved", said)
        with self._appliance.journal() as journal:
            pick_id = journal.history(1)[0].pick.id
        status, _, body = self._browser.post("/rate", {"pick_id": pick_id, "stars": "7"})
        assert status == 303, (status, body[:200])
        with self._appliance.journal() as journal:
            assert journal.find_pick(pick_id).ratings
        assert self._browser.get("/history")[0] == 200


if __name__ == "__main__":
    send_flood(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
