"""A process of a trial that may be killed, frozen and started again."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path


class Process:
    """One command, its output in a log."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    @property
    def ended(self) -> bool:
        return self._running is None or self._running.poll() is not None

    @property
    def exit_code(self) -> int | None:
        return None if self._running is None else self._running.poll()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def start(self) -> None:
        with self._log.open("ab") as log:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
            self._running = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)

    def kill(self) -> None:
        assert self._running is not None
        self._running.kill()
        self._running.wait()

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        if not self.ended:
            assert self._running is not None
            self.thaw()
            self._running.terminate()
            try:
                self._running.wait(10)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait()
