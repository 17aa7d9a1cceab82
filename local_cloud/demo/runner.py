"""Runs the demonstration's executables, shows their output, and ends those it started."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local_cloud.state import log_tail

Found = TypeVar("Found")

_STOP_SECONDS = 40.0
_KILLED_SECONDS = 10.0
_POLL_SECONDS = 0.15
# The longest silence before a line about the progress.
_SILENCE_SECONDS = 10.0
_JOB_LOG = "output.log"
# Training takes longest, especially on a Raspberry Pi.
_RUN_SECONDS = 1800.0
# For pipes and logs, which have no width.
_SIZE = (110, 24)
_INDENT = 5
_LOG_LINES = 15


class StepFailed(Exception):
    """A step failed; the message says which, with the last output."""


class Runner:
    """Runs executables one after the other, or in the background.

    Args:
        folder: where logs go.
    """

    def __init__(self, folder: Path) -> None:
        # Rich assumes 80 columns for a dumb terminal unless both are given.
        size = shutil.get_terminal_size(_SIZE)
        self.console = Console(width=size.columns, height=size.lines, highlight=False)
        self.folder = folder
        self.started = time.monotonic()
        self.times: list[tuple[str, float]] = []
        self._environment = {
            **os.environ,
            "COLUMNS": str(self.console.width - _INDENT),
            "PYTHONUNBUFFERED": "1",
        }

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show where on the timeline a step begins, and record how long it takes."""
        began = time.monotonic()
        number = len(self.times) + 1
        at = f"{int(began - self.started) // 60}:{int(began - self.started) % 60:02}"
        self.console.print()
        self.write(Text(f"{at:>5} ● ", "bold green"), Text(f"{number}. {title}", "bold green"))
        yield
        self.times.append((title, time.monotonic() - began))
        self.console.print(f"[dim]     {self.times[-1][1]:.1f} s[/]")

    def show(self, *lines: str) -> None:
        """Show evidence, as it is."""
        for line in lines:
            self.write(Text(" " * _INDENT), Text.from_ansi(line))

    def show_record(self, name: str, fields: dict[str, Any]) -> None:
        """Show one record, field by field."""
        self.console.print()
        self.write(Text("   "), Text(name, "green"))
        table = Table(show_header=False, box=None, padding=(0, 1), pad_edge=False)
        for _ in range(3):
            table.add_column(overflow="fold")
        for field, value in fields.items():
            table.add_row("    ", f"[dim]{field}[/]", str(value))
        self.console.print(table)

    def write(self, head: Text, text: Text) -> None:
        """Write a line after its head; what is too wide wraps to below its beginning."""
        wide = self.console.width - len(head)
        for line in text.wrap(self.console, wide, overflow="fold") or [Text()]:
            # Not padded to the terminal's width.
            line.rstrip()
            self.console.print(head + line, soft_wrap=True)
            head = Text(" " * len(head))

    def run(
        self,
        *command: str,
        quiet: bool = False,
        seconds: float = _RUN_SECONDS,
        follow: Path | None = None,
    ) -> str:
        """Run an executable to its end, showing its output as it comes.

        Args:
            command: the executable and its arguments.
            quiet: show nothing of it.
            seconds: how long it may take.
            follow: a folder of jobs, the newest of which logs how far it is while the executable
                prints nothing.

        Raises:
            StepFailed: it doesn't exit with 0, or not in time.
        """
        if not quiet:
            self.write(Text("   $ ", "cyan"), Text(_shown(command), "cyan"))
        # Colours for what people look at; a progress display must not think it has a terminal.
        coloured = (
            command[0] == "greenlight"
            and not quiet
            and self.console.color_system is not None
            and not self.console.no_color
        )
        environment = self._environment | ({"FORCE_COLOR": "1"} if coloured else {})
        printed: list[str] = []
        deadline = time.monotonic() + seconds
        process = subprocess.Popen(
            _resolved(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            silence = _Silence(self, follow)
            for line in _lines(process, deadline, silence.pass_time):
                printed.append(line)
                if not quiet:
                    self.show(printed[-1])
            process.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            last = "\n".join(printed[-_LOG_LINES:]) or "it printed nothing"
            raise StepFailed(
                f"waited {seconds:.0f} s for `{_shown(command)}` to end: {last}"
            ) from error
        finally:
            _end(process)
        if process.returncode:
            last = (
                "\n".join(printed[-_LOG_LINES:])
                if quiet
                else (printed or ["it printed nothing"])[-1]
            )
            raise StepFailed(f"`{_shown(command)}` exited with {process.returncode}: {last}")
        return "\n".join(printed)

    def ask(self, *command: str) -> Any:
        """Return the JSON that an executable prints, showing nothing.

        Raises:
            StepFailed: it fails, or doesn't print JSON.
        """
        printed = self.run(*command, quiet=True)
        try:
            return json.loads(printed)
        except ValueError as error:
            raise StepFailed(f"`{_shown(command)}` didn't print JSON: {printed[:200]}") from error

    def until(
        self,
        what: str,
        look: Callable[[], Found | None],
        seconds: float,
        *logs: Path,
    ) -> Found:
        """Return what `look` finds, as soon as it finds it.

        Args:
            what: what to wait for, such as "the model to answer".
            look: returns None until it is found.
            seconds: how long to wait at most.
            logs: the logs that may say why it isn't found.

        Raises:
            StepFailed: it wasn't found in time; with the logs' last lines.
        """
        deadline = time.monotonic() + seconds
        with self.console.status(f"     waiting for {what}"):
            while True:
                found = look()
                if found is not None:
                    return found
                if time.monotonic() > deadline:
                    endings = [log_tail(log, _LOG_LINES) for log in logs]
                    raise StepFailed("\n".join([f"waited {seconds:.0f} s for {what}", *endings]))
                time.sleep(_POLL_SECONDS)

    def log(self, name: str) -> Path:
        """Return the log of a background executable."""
        return self.folder / f"{name}.log"

    @contextmanager
    def in_background(self, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run an executable in the background, with its output in a log, and end it afterwards."""
        self.write(Text("   $ ", "cyan"), Text(_shown(command) + " &", "cyan"))
        with self.log(name).open("wb") as output:
            process = subprocess.Popen(
                _resolved(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        try:
            yield process
        finally:
            _end(process)

    def logged(self, name: str, start: str) -> list[str]:
        """Return what a background executable has logged on lines with this prefix."""
        lines = self.log(name).read_text(errors="replace").splitlines()
        return [line.removeprefix(start).strip() for line in lines if line.startswith(start)]

    def check_running(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Raise StepFailed, with the end of its log, if a background executable has ended."""
        if process.poll() is not None:
            raise StepFailed(
                f"{name} ended with exit code {process.returncode}; "
                f"{log_tail(self.log(name), _LOG_LINES)}"
            )


def _resolved(command: Sequence[str]) -> list[str]:
    """Return the command with the path of this environment's executable."""
    if command[0] == "python":
        return [sys.executable, *command[1:]]
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]


class _Silence:
    """Says how far an executable is while it prints nothing, so that nobody waits in silence.

    Args:
        runner: to say it.
        follow: a folder of jobs; the last line of the newest one's log says it.
    """

    def __init__(self, runner: Runner, follow: Path | None) -> None:
        self._runner = runner
        self._follow = follow
        self._began = time.monotonic()
        self._next = self._began + _SILENCE_SECONDS

    def pass_time(self) -> None:
        """Take note that time has passed, and say how far it is if it's due."""
        now = time.monotonic()
        if self._follow is None or now < self._next:
            return
        self._next = now + _SILENCE_SECONDS
        # Their names begin with their time.
        logs = sorted(self._follow.glob(f"*/{_JOB_LOG}"))
        lines = logs[-1].read_text(errors="replace").split("\n") if logs else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        self._runner.show(f"{now - self._began:3.0f} s: {last or 'still at it'}")


def _lines(
    process: subprocess.Popen[bytes], deadline: float, pass_time: Callable[[], None]
) -> Iterator[str]:
    """Yield the lines that a process writes until it closes its output.

    Args:
        process: the process.
        deadline: by when it has done so.
        pass_time: called at least once a second.

    Raises:
        TimeoutError: it hasn't done so by the deadline.
    """
    assert process.stdout is not None
    rest = b""
    while True:
        left = max(0.0, deadline - time.monotonic())
        pass_time()
        if not select.select([process.stdout], [], [], min(left, 1.0))[0]:
            if left:
                continue
            raise TimeoutError
        chunk = os.read(process.stdout.fileno(), 65_536)
        *whole, rest = (rest + chunk).split(b"\n")
        for line in [*whole, *([rest] if rest and not chunk else [])]:
            yield line.decode("utf-8", "replace").removesuffix("\r")
        if not chunk:
            return


def _shown(command: Sequence[str]) -> str:
    return " ".join(part if " " not in part else f'"{part}"' for part in command)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is not None:
        process.stdout.close()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_KILLED_SECONDS)
