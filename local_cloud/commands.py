"""`greenlight-cloud local`: starts, stops and watches the local cloud."""

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
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from data.command_line import JsonOption, print_json
from lambdas.operator.aws import LocalCloudNotRunning, LocalEndpoints
from lambdas.operator.cli import NAME
from lambdas.operator.stack import parse_settings
from local_cloud import supervisor, tail
from local_cloud.control import send
from local_cloud.state import DEFAULT, LocalCloudFailed, LocalState, log_tail

_STOP_SECONDS = 45.0
# For the emulator, the stack and the ML endpoint, which may take ninety seconds on its own.
_START_SECONDS = 300.0
_READY = b"ready\n"

app = typer.Typer(
    no_args_is_help=True,
    help="The whole AWS side on this machine: loopback only, no account, no Docker.",
)
FolderOption = Annotated[
    Path, typer.Option("--local", metavar="FOLDER", help="the local cloud's folder")
]
ArraysOption = Annotated[
    Path | None,
    typer.Option(
        "--arrays", help="arrays.npz of the model that the ML endpoint serves at the start"
    ),
]
KeepOption = Annotated[
    bool, typer.Option("--keep/--fresh", help="continue with the last run's data, or start empty")
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="one of the template's parameters; repeatable"
    ),
]


@app.command()
def run(
    local: FolderOption = DEFAULT,
    arrays: ArraysOption = None,
    keep: KeepOption = True,
    settings: SettingsOption = None,
    ready_descriptor: Annotated[int, typer.Option(hidden=True)] = -1,
) -> None:
    """Run it in the foreground until Ctrl-C or SIGTERM."""
    parameters = parse_settings(settings or ())
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())

    def ready(endpoints: LocalEndpoints) -> None:
        if ready_descriptor >= 0:
            os.write(ready_descriptor, _READY)
            os.close(ready_descriptor)
        else:
            _show(endpoints)

    folder = LocalState(local)
    if not keep:
        _forget(folder)
    supervisor.run(folder, arrays, parameters, stopped, ready)


@app.command()
def start(
    local: FolderOption = DEFAULT,
    arrays: ArraysOption = None,
    keep: KeepOption = True,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start it in the background; returns when it is ready. Does nothing if it is running."""
    parse_settings(settings or ())
    folder = LocalState(local)
    folder.make()
    begun = time.monotonic()
    if not _runs(folder):
        _start(folder, arrays, keep, settings or ())
    elif settings:
        raise LocalCloudFailed(
            f"the local cloud in {local} is running, and takes --set only when it starts; stop it "
            f"with `{NAME} local stop --local {local}`, then start it again"
        )
    elif arrays is not None:
        send(folder, "serve", arrays=str(arrays.resolve()))
    endpoints = folder.read_endpoints()
    if as_json:
        print_json(endpoints)
        return
    _show(endpoints)
    print(f"ready after {time.monotonic() - begun:.1f} s; stop it with")
    print(f"  {NAME} local stop --local {local}")


def _runs(folder: LocalState) -> bool:
    try:
        send(folder, "status")
    except LocalCloudNotRunning:
        return False
    return True


def _start(folder: LocalState, arrays: Path | None, keep: bool, settings: Sequence[str]) -> None:
    reader, writer = os.pipe()
    command = [
        *(sys.executable, "-m", "local_cloud", "local", "run", "--local", str(folder.folder)),
        *(("--arrays", str(arrays)) if arrays else ()),
        *(word for setting in settings for word in ("--set", setting)),
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
    # The other end closes without writing anything if it can't start.
    with os.fdopen(reader, "rb") as signalled:
        if not select.select([signalled], [], [], _START_SECONDS)[0]:
            process.terminate()
            raise LocalCloudFailed(
                f"waited {_START_SECONDS:.0f} s for the local cloud to start; {log_tail(log)}"
            )
        if os.read(signalled.fileno(), len(_READY)) != _READY:
            reason = log.read_text("utf-8", "replace").strip().splitlines()
            last = reason[-1].removeprefix(f"{NAME}: ") if reason else "it printed nothing"
            raise LocalCloudFailed(last)


@app.command()
def stop(local: FolderOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Stop it cleanly; its data is kept for the next start."""
    stopped = _stop(LocalState(local))
    if as_json:
        print_json({"stopped": stopped})
    elif not stopped:
        print(f"no local cloud is running in {local}")


def _stop(folder: LocalState) -> bool:
    """Stop it and wait until it has ended; return whether it was running."""
    try:
        descriptor = os.open(folder.lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    with os.fdopen(descriptor) as lock:
        deadline = time.monotonic() + _STOP_SECONDS
        signalled = False
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return signalled
            except BlockingIOError:
                lock.seek(0)
                pid = lock.read()
                if not signalled and pid:
                    # The lock is held, so it contains the holder's process id.
                    os.kill(int(pid), signal.SIGTERM)
                    signalled = True
            time.sleep(0.05)
    raise LocalCloudFailed(
        f"waited {_STOP_SECONDS:.0f} s for the local cloud to end; "
        f"{log_tail(folder.log('supervisor'))}"
    )


@app.command()
def status(local: FolderOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Show its state and addresses; exit code 69 if it isn't running."""
    folder = LocalState(local)
    parts = send(folder, "status")
    if as_json:
        print_json({**parts, "endpoints": folder.read_endpoints()})
        return
    _show(folder.read_endpoints(), {key: str(value) for key, value in parts.items()})


@app.command("tail")
def follow(
    local: FolderOption = DEFAULT,
    lines: Annotated[int, typer.Option(help="how many past lines to show")] = 20,
    once: Annotated[bool, typer.Option(help="show those, then exit")] = False,
) -> None:
    """Follow the logs: functions, rules, refusals, endpoint. Press Ctrl-C to stop."""
    folder = LocalState(local)
    if not folder.log("x").parent.is_dir():
        raise LocalCloudNotRunning(f"there is no local cloud in {local}")
    try:
        tail.follow(folder, lines, once)
    except KeyboardInterrupt:
        pass


@app.command()
def offline(local: FolderOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Cut the network to the broker: connections to its port are refused."""
    reply = send(LocalState(local), "offline")
    if as_json:
        print_json(reply)
    else:
        print(f"broker: {reply['broker']}")


@app.command()
def online(local: FolderOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Restore the network to the broker."""
    reply = send(LocalState(local), "online")
    if as_json:
        print_json(reply)
    else:
        print(f"broker: {reply['broker']}")


def _forget(folder: LocalState) -> None:
    """Delete the last run's data, unless it is still running."""
    with supervisor.locked(folder):
        for path in (folder.emulator, folder.arrays, folder.packages, folder.training):
            shutil.rmtree(path, ignore_errors=True)


def _show(endpoints: LocalEndpoints, parts: dict[str, str] | None = None) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in (parts or {}).items():
        table.add_row(name.replace("_", " "), value, style="bold")
    for name, value in msgspec.to_builtins(endpoints).items():
        table.add_row(name.replace("_", " "), str(value))
    Console(soft_wrap=True).print(table)
