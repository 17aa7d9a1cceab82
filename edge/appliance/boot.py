"""This boot's id, and the time as far as a Pi without a clock battery can know it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from data.ids import new_id
from data.limits import EARLIEST_CLOCK_YEAR

_KERNEL_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return the kernel's random id of this boot, or one of our own if the kernel gives none."""
    try:
        return _KERNEL_BOOT_ID.read_text().strip()
    except OSError:
        return new_id()


def this_year() -> int | None:
    """Return the calendar year, or None while the clock isn't set."""
    year = datetime.now(UTC).year
    return year if year >= EARLIEST_CLOCK_YEAR else None


def now() -> str:
    """Return the wall clock's time: information only, a Pi without network may think it is 1970."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
