"""The cloud on a desk: `python -m local_cloud`."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from data.errors import GreenlightError
from lambdas.operator.local_endpoints import Endpoints, NotRunning
from local_cloud import supervisor, tail
from local_cloud.control import order
from local_cloud.state import DEFAULT, LocalCloudFailed, State, ending_of

_STOP_SECONDS = 45.0
# The emulator, the stack, and the ML endpoint, which alone may take ninety seconds.
_START_SECONDS = 300.0
_READY = b"ready\n"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The whole AWS side on this machine: loopback only, no account, no Docker.",
)
StateOption = Annotated[Path, typer.Option("--state", help="the folder that holds all of it")]
PipelineOption = Annotated[
    Path | None, typer.Option("--pipeline", help="what the ML endpoint serves from the start")
]
KeepOption = Annotated[
    bool, typer.Option("--keep/--fresh", help="keep what the last run left, or begin with nothing")
]


@contextmanager
def _explained() -> Iterator[None]:
    """End with one sentence on every refusal that has a reason."""
    try:
        yield
    except GreenlightError as error:
        print(f"local_cloud: {error}", file=sys.stderr)
        raise typer.Exit(1) from error


@app.command()
def run(
    state: StateOption = DEFAULT,
    pipeline: PipelineOption = None,
    keep: KeepOption = True,
    ready_descriptor: Annotated[int, typer.Option(hidden=True)] = -1,
) -> None:
    """Run it here, until Ctrl-C or SIGTERM."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())

    def ready(endpoints: Endpoints) -> None:
        if ready_descriptor >= 0:
            os.write(ready_descriptor, _READY)
            os.close(ready_descriptor)
        else:
            _show(endpoints)

    folder = State(state)
    with _explained():
        if not keep:
            _forget(folder)
        supervisor.run(folder, pipeline, stopped, ready)


@app.command()
def start(
    state: StateOption = DEFAULT, pipeline: PipelineOption = None, keep: KeepOption = True
) -> None:
    """Start it in the background; returns when everything answers. Does nothing if it runs."""
    folder = State(state)
    folder.make()
    begun = time.monotonic()
    with _explained():
        if not _runs(folder):
            _start(folder, pipeline, keep)
        elif pipeline is not None:
            order(folder, "serve", pipeline=str(pipeline.resolve()))
        endpoints = folder.read_endpoints()
    _show(endpoints)
    print(f"ready after {time.monotonic() - begun:.1f} s; stop it with")
    print(f"  {Path(sys.executable).name} -m local_cloud stop --state {state}")


def _runs(folder: State) -> bool:
    try:
        order(folder, "status")
    except NotRunning:
        return False
    return True


def _start(folder: State, pipeline: Path | None, keep: bool) -> None:
    reader, writer = os.pipe()
    command = [
        *(sys.executable, "-m", "local_cloud", "run", "--state", str(folder.folder)),
        *(("--pipeline", str(pipeline)) if pipeline else ()),
        *("--keep" if keep else "--fresh", "--ready-descriptor", str(writer)),
    ]
    log = folder.log("supervisor")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[writer],
            start_new_session=True,
        )
    os.close(writer)
    # The other end closes without a word if it cannot start.
    with os.fdopen(reader, "rb") as said:
        if not select.select([said], [], [], _START_SECONDS)[0]:
            process.terminate()
            raise LocalCloudFailed(
                f"waited {_START_SECONDS:.0f} s for the local cloud to start; {ending_of(log)}"
            )
        if os.read(said.fileno(), len(_READY)) != _READY:
            reason = log.read_text("utf-8", "replace").strip().splitlines()
            last = reason[-1].removeprefix("local_cloud: ") if reason else "it said nothing"
            raise LocalCloudFailed(last)


@app.command()
def stop(state: StateOption = DEFAULT) -> None:
    """Stop it cleanly; what it holds is kept for the next start."""
    with _explained():
        if not _stop(State(state)):
            print(f"no local cloud runs on {state}")


def _stop(folder: State) -> bool:
    """Stop it and wait for its end; return whether there was one."""
    try:
        descriptor = os.open(folder.lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    with os.fdopen(descriptor) as lock:
        deadline = time.monotonic() + _STOP_SECONDS
        told = False
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return told
            except BlockingIOError:
                lock.seek(0)
                pid = lock.read()
                if not told and pid:
                    # The lock is held, so the number in it is that of the holder.
                    os.kill(int(pid), signal.SIGTERM)
                    told = True
            time.sleep(0.05)
    raise LocalCloudFailed(
        f"waited {_STOP_SECONDS:.0f} s for the local cloud to end; "
        f"{ending_of(folder.log('supervisor'))}"
    )


@app.command()
def status(state: StateOption = DEFAULT) -> None:
    """Say where everything is and how it does; exit code 1 if it does not run."""
    folder = State(state)
    with _explained():
        parts = order(folder, "status")
        _show(folder.read_endpoints(), {key: str(value) for key, value in parts.items()})


@app.command("tail")
def follow(
    state: StateOption = DEFAULT,
    lines: Annotated[int, typer.Option(help="how many of the past to show")] = 20,
    once: Annotated[bool, typer.Option(help="show those and end")] = False,
) -> None:
    """Show what happens: functions, rules, refusals, endpoint. Ends with Ctrl-C."""
    folder = State(state)
    with _explained():
        if not folder.log("x").parent.is_dir():
            raise NotRunning(f"there is no local cloud on {state}")
        try:
            tail.follow(folder, lines, once)
        except KeyboardInterrupt:
            pass


@app.command()
def offline(state: StateOption = DEFAULT) -> None:
    """Cut the network before the broker: its port is refused."""
    with _explained():
        print(f"broker: {order(State(state), 'offline')['broker']}")


@app.command()
def online(state: StateOption = DEFAULT) -> None:
    """Restore the network before the broker."""
    with _explained():
        print(f"broker: {order(State(state), 'online')['broker']}")


def _forget(folder: State) -> None:
    """Remove what the last run left, unless it still runs."""
    with supervisor.only_one(folder):
        for path in (folder.emulator, folder.pipelines, folder.packages, folder.training):
            shutil.rmtree(path, ignore_errors=True)


def _show(endpoints: Endpoints, parts: dict[str, str] | None = None) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in (parts or {}).items():
        table.add_row(name.replace("_", " "), value, style="bold")
    for name, value in msgspec.to_builtins(endpoints).items():
        table.add_row(name.replace("_", " "), str(value))
    Console(soft_wrap=True).print(table)


if __name__ == "__main__":
    app()
