"""The state folder, and the lock that keeps a second appliance out."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from data.errors import GreenlightError
from data.exits import Exit
from edge.appliance.storage import ADVICE
from edge.incoming import incoming_folder, share
from edge.journal import JOURNAL

LOCK = "appliance.lock"
_GROUP_FILE = 0o660
_POLL_SECONDS = 0.05


class AlreadyRunning(GreenlightError):
    """Another appliance uses this state folder."""

    exit_code = Exit.ALREADY_RUNNING


class NoState(GreenlightError):
    """The state folder can't be used."""

    exit_code = Exit.NO_STATE


def check_is_state_folder(state: Path) -> None:
    """Raise NoState unless an appliance has used this folder, or may begin to.

    For commands that only ask: they make nothing, so a mistyped folder is named.
    """
    try:
        found = {path.name for path in state.iterdir()}
    except OSError as error:
        raise NoState(
            f"{state}: {error.strerror}; is this the appliance's state folder?"
        ) from error
    if found and not found & {LOCK, JOURNAL}:
        raise NoState(f"{state}: isn't the state folder of an appliance; see --state and --config")


def is_locked(state: Path) -> bool:
    """Return whether an appliance has locked this folder, even one that doesn't answer yet."""
    try:
        with (state / LOCK).open("r+") as lock:
            return not _taken(lock)
    except OSError:
        return False


@contextlib.contextmanager
def locked(state: Path, timeout_seconds: float = 0.0) -> Iterator[Path]:
    """Create the state folder if needed, and lock it against every other appliance.

    Args:
        state: the folder.
        timeout_seconds: how long to wait for another process that holds the lock.

    Raises:
        NoState: it can't be created or written.
        AlreadyRunning: another process holds the lock.
    """
    try:
        _make(state)
        lock = os.fdopen(_open_for_group(state / LOCK), "w")
    except OSError as error:
        advice = "does it belong to this user, and is the disk mounted?"
        if error.errno == errno.EROFS:
            advice = ADVICE
        raise NoState(f"{state}: {error.strerror}; {advice}") from error
    with lock:
        deadline = time.monotonic() + timeout_seconds
        while not _taken(lock):
            if time.monotonic() >= deadline:
                raise AlreadyRunning(f"another appliance is running in {state}; stop it first")
            # flock has no timeout: it either tries once or waits forever.
            time.sleep(_POLL_SECONDS)
        yield state


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(state: Path) -> None:
    if not state.is_dir():
        state.mkdir(parents=True)
        share(state)
    incoming_folder(state)


def _open_for_group(path: Path) -> int:
    # Another user's command may come first, so the lock is always shared with the group.
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _GROUP_FILE)
    except FileExistsError:
        return os.open(path, os.O_RDWR)
    os.fchmod(handle, _GROUP_FILE)
    return handle
