"""Disk space kept back for ratings."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

RESERVE = "reserve"
# A rating takes a handful of pages of SQLite's log: enough for hundreds of them.
RESERVE_BYTES = 2 * 1024 * 1024
# A pick with its slate takes a few pages of log and file.
LEAST_FREE_BYTES = 512 * 1024


class Reserve:
    """A preallocated file; letting it go makes room for ratings on a full disk."""

    def __init__(self, state: Path) -> None:
        self._path = state / RESERVE

    def restore(self) -> bool:
        """Allocate the reserve again if it is not there; say whether it is there now."""
        if self.is_whole():
            return True
        # Twice its size must be free: taking the last bytes would only fill the disk anew.
        if _free(self._path) < 2 * RESERVE_BYTES:
            return False
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except OSError:
            self.release()
            return False
        return True

    def is_whole(self) -> bool:
        """Whether the reserve is there."""
        try:
            return self._path.stat().st_size == RESERVE_BYTES
        except FileNotFoundError:
            return False

    def is_endangered(self) -> bool:
        """Whether so little else is free that writing anything but ratings would soon need it."""
        return not self.restore() or _free(self._path) < LEAST_FREE_BYTES

    def release(self) -> bool:
        """Give the space up for a rating; say whether there was any."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True


def _free(path: Path) -> int:
    return shutil.disk_usage(path.parent).free
