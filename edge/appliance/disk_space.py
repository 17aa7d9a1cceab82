"""Handles a full disk: space reserved for ratings, and what is deleted first to make room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from data.errors import GreenlightError
from edge.appliance.attention import Attention
from edge.journal import JournalFull
from edge.models.store import ModelStore

Result = TypeVar("Result")

RESERVE = "reserve"
# A rating takes a handful of pages of SQLite's log, so this is enough for hundreds.
RESERVE_BYTES = 2 * 1024 * 1024
# A pick with its slate takes a few pages of log and file.
LEAST_FREE_BYTES = 512 * 1024

FULL = "the disk is full: no new picks until there is space; ratings are still taken"


class Reserve:
    """A preallocated file; deleting it makes room for ratings on a full disk."""

    def __init__(self, state: Path) -> None:
        self._path = state / RESERVE

    def restore(self) -> bool:
        """Allocate the reserve again if it is missing; return whether it exists now."""
        if self.is_whole():
            return True
        # Twice its size must be free: using the last bytes would only fill the disk again.
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
        """Whether the reserve exists."""
        try:
            return self._path.stat().st_size == RESERVE_BYTES
        except FileNotFoundError:
            return False

    def is_endangered(self) -> bool:
        """Whether so little else is free that anything but ratings would soon use it up."""
        return not self.restore() or _free(self._path) < LEAST_FREE_BYTES

    def release(self) -> bool:
        """Release the space for a rating; return whether there was any."""
        try:
            self._path.unlink()
        except OSError:  # not there, or on a disk that takes no changes
            return False
        return True


class DiskFull(GreenlightError):
    """A pick was refused because the remaining space is reserved for ratings."""


class JournalWriter:
    """Carries out writes; on a full disk it deletes old models, then refuses picks, never ratings.

    Args:
        store: whose old versions can be deleted.
        reserve: space only ratings may use.
        attention: where the owner is warned.
    """

    def __init__(self, store: ModelStore, reserve: Reserve, attention: Attention) -> None:
        self._store = store
        self._reserve = reserve
        self.attention = attention

    def write(self, action: Callable[[], Result], *, is_rating: bool = False) -> Result:
        """Carry out a write to the journal, making room for it if needed.

        Raises:
            JournalFull: no space is left; nothing has been written.
        """
        try:
            return action()
        except JournalFull:
            self.attention.raise_("disk", FULL)
        if self._store.shed():
            try:
                return action()
            except JournalFull:
                pass
        if is_rating:
            self._reserve.release()
        return action()

    def look_for_space(self) -> None:
        """Withdraw the warning once there is space again."""
        if self.attention.has("disk") and not self._reserve.is_endangered():
            self.attention.clear("disk")

    def refuse_when_full(self) -> None:
        """Refuse everything but ratings while the space reserved for them is at risk.

        Raises:
            DiskFull: saying what the owner can do.
        """
        if self._reserve.is_endangered() and (
            not self._store.shed() or self._reserve.is_endangered()
        ):
            self.attention.raise_("disk", FULL)
            raise DiskFull(FULL)
        self.attention.clear("disk")


def _free(path: Path) -> int:
    return shutil.disk_usage(path.parent).free
