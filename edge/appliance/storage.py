"""Whether the disk below the state folder still takes what is written, and gives it back."""

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
# Syncing what is synced already writes nothing, yet it fails on a file system that has given up.
_SYNC_SECONDS = 5.0
# Often enough to notice a dying card within the hour, rarely enough not to wear a good one out.
_PROBE_SECONDS = 600.0
_SLOW_SECONDS = 60.0
# The disk is full: that has its own warning, and says nothing of the card.
_FULL = (errno.ENOSPC, errno.EDQUOT)
ADVICE = "the card may be failing: copy it, then replace it"


class StorageFailed(GreenlightError):
    """The disk doesn't keep what is written to it."""

    exit_code = Exit.NO_STATE


def check_writable(folder: Path) -> None:
    """Raise StorageFailed if the kernel lets nobody write there, as after an error of the card.

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
        PermissionError: this user may not write there, which says nothing of the disk.
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
    """Looks at the disk again and again, and lets a thread of its own try it.

    Args:
        folder: the state folder.
        worker: of nobody else: a dying card can hold a write up for minutes.
    """

    def __init__(self, folder: Path, worker: Worker) -> None:
        self._folder = folder
        self._worker = worker
        self._trial: asyncio.Task[None] | None = None
        self._begun = -_SYNC_SECONDS
        self._next_probe = 0.0
        self._failure: Exception | None = None

    def look(self) -> None:
        """Raise what is wrong with the disk, as far as it is known now.

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
            raise StorageFailed(f"{self._folder}: no write ended for {seconds} s; {ADVICE}")
        if self._failure is not None:
            raise self._failure

    def _begin(self, now: float) -> None:
        # After a failure, only a write that succeeds shows that the disk is well again.
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
