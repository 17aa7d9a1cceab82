"""Sends commands to the running appliance. Quick to import: every command line does."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from data.errors import GreenlightError
from data.exits import Exit
from edge.appliance.commands import Command, Outcome, StoppedCommand

if TYPE_CHECKING:
    from edge.config import Config

SOCKET = "control.sock"
# The control socket's reply to a user who can connect but isn't in the group.
NOT_ALLOWED = {"ok": False, "error": "this user may not control the appliance", "allowed": False}
# Its reply when all connections are taken. The command was not started, so the client tries again.
BUSY = {"ok": False, "error": "too many connections; try again in a moment", "busy": True}
_ASK_AGAIN_SECONDS = 0.05


class _Dismissal(msgspec.Struct):
    """How any reply says that the request wasn't taken; the rest of it isn't parsed."""

    allowed: bool = True
    busy: bool = False
    error: str | None = None


class NotRunning(GreenlightError):
    """No appliance is running in this state folder."""

    exit_code = Exit.NOT_RUNNING


class NotAllowed(GreenlightError):
    """This user may not control the appliance.

    Attributes:
        found: the problem, without the fix.
    """

    way_in = "join the group greenlight, or use sudo"

    def __init__(self, found: str) -> None:
        super().__init__(f"{found}; {self.way_in}")
        self.found = found


class NoAnswer(GreenlightError):
    """The appliance did not answer, or stopped before it could."""


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Yield a path to the same socket that fits the system's limit of 108 bytes."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def ask(state: Path, command: str, *, timeout_seconds: float = 30.0, **values: Any) -> Any:
    """Send a request to the running appliance and return its reply.

    Raises:
        NotRunning, NotAllowed, NoAnswer: it can't be reached.
    """
    line = json.dumps({"command": command, **values}).encode()
    return json.loads(_exchange(state, line, timeout_seconds))


def execute(config: Config, command: Command, *, timeout_seconds: float = 30.0) -> Outcome:
    """Have the appliance carry out a command; some work while it is stopped too.

    Raises:
        NotRunning, NotAllowed, NoAnswer: it can't be reached.
    """
    try:
        reply = _exchange(config.state, msgspec.json.encode(command), timeout_seconds)
    except NotRunning:
        if not isinstance(command, StoppedCommand):
            raise
    else:
        return msgspec.json.decode(reply, type=Outcome)
    from edge.appliance.decisions import execute_stopped

    return execute_stopped(config, command)


def _exchange(state: Path, line: bytes, timeout_seconds: float) -> bytes:
    deadline = time.monotonic() + timeout_seconds
    while True:
        reply = _ask_once(state, line, timeout_seconds)
        turned_away = msgspec.json.decode(reply, type=_Dismissal)
        if not turned_away.allowed:
            raise NotAllowed(str(turned_away.error))
        if not turned_away.busy:
            return reply
        if time.monotonic() >= deadline:
            raise NoAnswer(f"the appliance does not answer: {turned_away.error}")
        # Jittered, so that many clients don't retry at the same moment.
        time.sleep(_ASK_AGAIN_SECONDS * (0.5 + random.random()))


def _ask_once(state: Path, line: bytes, timeout_seconds: float) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_seconds)
        _connect(connection, state)
        try:
            # A connection refused at once can't be written to, but has a reply to read.
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(line + b"\n")
            with connection.makefile("rb") as replies:
                reply = replies.readline()
        except OSError as error:
            raise NoAnswer(f"the appliance does not answer: {error}") from error
    if not reply:
        raise NoAnswer("the appliance stopped before it answered")
    return reply


def _connect(connection: socket.socket, state: Path) -> None:
    try:
        with short_path(state / SOCKET) as path:
            connection.connect(path)
    except PermissionError as error:
        raise NotAllowed(f"this user may not use {state}") from error
    except OSError as error:
        # Imported only here: most commands find it running.
        from edge.service import how_to_start

        raise NotRunning(f"no appliance is running in {state}; {how_to_start(state)}") from error
