"""`greenlight` as separate processes: the appliance, and commands that use it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.appliance import client


class Running:
    """`greenlight run --simulate` as a separate process, whose output is read.

    Args:
        under: a command that runs it.
    """

    def __init__(
        self, config: Path, *arguments: str, under: tuple[str, ...] = (), **environment: str
    ) -> None:
        appliance = [sys.executable, "-m", "edge", "run", "--config", str(config), *arguments]
        command = [*under, *appliance]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )
        self.lines: list[str] = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._arrived:
                self.lines.append(line.rstrip("\n"))
                self._arrived.notify_all()
        with self._arrived:
            self._arrived.notify_all()

    def wait_for(self, start: str, after: int = 0, seconds: float = 30.0) -> str:
        """Return the first line from number `after` on that starts like this."""

        def found() -> list[str]:
            return [line for line in self.lines[after:] if line.startswith(start)]

        with self._arrived:
            ended = self._arrived.wait_for(
                lambda: found() or not self._reader.is_alive(), timeout=seconds
            )
        assert ended and found(), f"no line {start!r} in {self.lines}"  # noqa: PT018
        return found()[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.close()
        return code

    def close(self) -> None:
        """Read what an ended process has left, and let go of it."""
        self._reader.join(10)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.errors = self.process.stderr.read()
        self.process.stderr.close()


@dataclass
class Bench:
    """A state folder with its configuration, where an appliance can be started and asked."""

    state: Path
    config: Path
    started: list[Running]

    def start(self, *arguments: str, under: tuple[str, ...] = (), **environment: str) -> Running:
        running = Running(self.config, "--simulate", *arguments, under=under, **environment)
        self.started.append(running)
        running.wait_for("ready")
        return running

    def ask(self, command: str, **values: Any) -> Any:
        return client.ask(self.state, command, **values)

    def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edge", *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            **options,
        )
