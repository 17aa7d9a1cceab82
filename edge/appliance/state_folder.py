"""The state folder, and the lock that says who uses it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from data.errors import GreenlightError
from edge.incoming import incoming_folder, share

LOCK = "appliance.lock"
_GROUP_FILE = 0o660


class AlreadyRunning(GreenlightError):
    """Another appliance uses this state folder."""


class NoState(GreenlightError):
    """The state folder cannot be used."""


@contextlib.contextmanager
def locked(state: Path) -> Iterator[Path]:
    """Make the state folder if need be, and keep every other appliance out of it.

    Raises:
        NoState: it cannot be made or written.
        AlreadyRunning: another process holds it.
    """
    try:
        _make(state)
        lock = os.fdopen(_open_for_group(state / LOCK), "w")
    except OSError as error:
        raise NoState(f"{state}: {error.strerror}; is it ours, and is the disk there?") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(f"another appliance runs in {state}; stop it first") from error
        yield state


def _make(state: Path) -> None:
    if not state.is_dir():
        state.mkdir(parents=True)
        share(state)
    incoming_folder(state)


def _open_for_group(path: Path) -> int:
    # A command of another user may come first: whoever makes the lock leaves it to the group.
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _GROUP_FILE)
    except FileExistsError:
        return os.open(path, os.O_RDWR)
    os.fchmod(handle, _GROUP_FILE)
    return handle
