"""The demonstration's stage: starts executables, shows what they say, and ends what it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.text import Text

Found = TypeVar("Found")

_STOP_SECONDS = 40.0
_POLL_SECONDS = 0.15
# Rich draws in this width for pipes and logs, so that the evidence does not wrap.
_WIDTH = 110


class StepFailed(Exception):
    """A step did not do what it must; the message says which, and what was said last."""


class Stage:
    """Runs the story's executables one after the other, or beside it.

    Args:
        folder: where logs go.
    """

    def __init__(self, folder: Path) -> None:
        self.console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
        self.folder = folder
        self.started = time.monotonic()
        self.times: list[tuple[str, float]] = []
        self._environment = {
            **os.environ,
            "COLUMNS": str(self.console.width - 4),
            "PYTHONUNBUFFERED": "1",
        }

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step, and remember how long it took."""
        began = time.monotonic()
        number = len(self.times) + 1
        self.console.print()
        self.console.print(f"[bold green]{number:2} ● {title}[/]", soft_wrap=True)
        yield
        self.times.append((title, time.monotonic() - began))
        self.console.print(f"[dim]     {self.times[-1][1]:.1f} s[/]")

    def show(self, *lines: str) -> None:
        """Show evidence, as it is."""
        for line in lines:
            self.console.print(Text.from_ansi("     " + line), soft_wrap=True)

    def run(self, *command: str, quiet: bool = False) -> str:
        """Run an executable to its end, showing what it says as it says it.

        Raises:
            StepFailed: if it does not exit with 0.
        """
        if not quiet:
            self.console.print(Text("   $ " + _written(command), style="cyan"), soft_wrap=True)
        # Colours for what is looked at; a progress display must not think it has a terminal.
        coloured = command[0] == "greenlight" and not quiet
        environment = self._environment | ({"FORCE_COLOR": "1"} if coloured else {})
        said: list[str] = []
        with subprocess.Popen(
            _found(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line.rstrip("\n"))
                if not quiet:
                    self.show(said[-1])
        if process.returncode:
            last = "\n".join(said[-15:]) if quiet else (said or ["it said nothing"])[-1]
            raise StepFailed(f"`{_written(command)}` exited with {process.returncode}: {last}")
        return "\n".join(said)

    def ask(self, *command: str) -> Any:
        """Return the JSON that an executable prints, showing nothing.

        Raises:
            StepFailed: if it fails, or prints no JSON.
        """
        said = self.run(*command, quiet=True)
        try:
            return json.loads(said)
        except ValueError as error:
            raise StepFailed(f"`{_written(command)}` printed no JSON: {said[:200]}") from error

    def until(self, what: str, look: Callable[[], Found | None], seconds: float) -> Found:
        """Return what `look` finds, once it finds it.

        Raises:
            StepFailed: if it has not been found after so many seconds.
        """
        end = time.monotonic() + seconds
        with self.console.status(f"     waiting until {what}"):
            while True:
                found = look()
                if found is not None:
                    return found
                if time.monotonic() > end:
                    raise StepFailed(f"waited {seconds:.0f} s, and it is not so that {what}")
                time.sleep(_POLL_SECONDS)

    @contextmanager
    def beside(self, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run an executable beside the story, its words going to a log, and end it afterwards."""
        self.console.print(Text("   $ " + _written(command) + " &", style="cyan"), soft_wrap=True)
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                _found(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        try:
            yield process
        finally:
            _end(process)

    def said(self, name: str, start: str) -> list[str]:
        """Return the lines that an executable beside has said, of those with this start."""
        lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return [line.removeprefix(start).strip() for line in lines if line.startswith(start)]

    def alive(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Raise StepFailed, with the end of its log, if an executable beside has ended."""
        if process.poll() is not None:
            log = (self.folder / f"{name}.log").read_text(errors="replace")
            raise StepFailed(f"{name} ended with {process.returncode}:\n{log[-2000:]}")


def _found(command: Sequence[str]) -> list[str]:
    """Resolve an executable of this environment by its name alone."""
    if command[0] == "python":
        return [sys.executable, *command[1:]]
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]


def _written(command: Sequence[str]) -> str:
    return " ".join(part if " " not in part else f'"{part}"' for part in command)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
