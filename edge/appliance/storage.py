"""Checks that the disk of the state folder still stores what is written to it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from data.durable import sync_folder
from data.errors import GreenlightError
from data.exits import Exit
from edge.appliance.workers import Worker

PROBE = ".probe"
_PROBE_BYTES = 4096
# Syncing again writes nothing, but fails on a file system that has given up.
_SYNC_SECONDS = 5.0
# Often enough to notice a dying card within the hour, rarely enough not to wear a good one out.
_PROBE_SECONDS = 600.0
_SLOW_SECONDS = 60.0
# A full disk has its own warning, and says nothing about the card.
_FULL = (errno.ENOSPC, errno.EDQUOT)
ADVICE = "the card may be failing: copy it, then replace it"


class StorageFailed(GreenlightError):
    """The disk doesn't keep what is written to it."""

    exit_code = Exit.NO_STATE


def check_writable(folder: Path) -> None:
    """Raise StorageFailed if the kernel allows no writing there, as after an error of the card.

    Writes nothing.
    """
    try:
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
        # After an error some kernels leave the mount marked as writable.
        sync_folder(folder)
    except OSError as error:
        raise StorageFailed(f"{folder}: {error.strerror}; {ADVICE}") from error
    if read_only:
        raise StorageFailed(f"{folder}: the disk has become read-only; {ADVICE}")


def probe(folder: Path) -> None:
    """Write a file, sync it, read it back from the disk and remove it.

    Raises:
        StorageFailed: naming the step that failed.
        PermissionError: this user may not write there, which says nothing about the disk.
    """
    path = folder / f"{PROBE}-{os.getpid()}"
    written = secrets.token_bytes(_PROBE_BYTES)
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    step = "writing"
    try:
        handle = os.open(path, flags, 0o600)
        try:
            os.write(handle, written)
            step = "syncing"
            os.fsync(handle)
            # Without this, what is read would come from memory.
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            step = "reading back"
            found = os.pread(handle, _PROBE_BYTES, 0)
        finally:
            os.close(handle)
            with contextlib.suppress(OSError):
                path.unlink()
        sync_folder(folder)
    except PermissionError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            return
        raise StorageFailed(f"{folder}: {step} failed: {error.strerror}; {ADVICE}") from error
    if found != written and len(found) == _PROBE_BYTES:
        raise StorageFailed(f"{folder}: what was written reads back different; {ADVICE}")


class StorageObserver:
    """Checks the disk periodically, in a separate thread.

    Args:
        folder: the state folder.
        worker: used for nothing else, since a dying card can block a write for minutes.
    """

    def __init__(self, folder: Path, worker: Worker) -> None:
        self._folder = folder
        self._worker = worker
        self._trial: asyncio.Task[None] | None = None
        self._begun = -_SYNC_SECONDS
        self._next_probe = 0.0
        self._failure: Exception | None = None

    def look(self) -> None:
        """Raise the disk's current failure, if any.

        Raises:
            StorageFailed: it doesn't keep what is written to it.
            PermissionError: this user may not write there.
        """
        now = time.monotonic()
        if self._trial is None or self._trial.done():
            if now - self._begun >= _SYNC_SECONDS:
                self._begin(now)
        elif now - self._begun >= _SLOW_SECONDS:
            seconds = round(now - self._begun)
            raise StorageFailed(f"{self._folder}: no write has finished for {seconds} s; {ADVICE}")
        if self._failure is not None:
            raise self._failure

    def _begin(self, now: float) -> None:
        # After a failure, only a successful write shows that the disk works again.
        if self._failure is not None or now >= self._next_probe:
            trial, self._next_probe = probe, now + _PROBE_SECONDS
        else:
            trial = check_writable
        self._begun = now
        self._trial = asyncio.get_running_loop().create_task(self._carry_out(trial))

    async def _carry_out(self, trial: Callable[[Path], None]) -> None:
        try:
            await self._worker.run(partial(trial, self._folder))
        except (StorageFailed, OSError) as error:
            self._failure = error
        else:
            self._failure = None
