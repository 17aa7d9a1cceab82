"""Measurements of the device itself: disk, temperature, uptime."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

_UPTIME = Path("/proc/uptime")
# A Pi's processor; other machines may not have this file.
_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")


def disk_free_bytes(folder: Path) -> int:
    """Return the free space on the disk that holds `folder`."""
    return shutil.disk_usage(folder).free


def uptime_seconds() -> float:
    """Return how long the device has been running; 0 if unknown."""
    try:
        return float(_UPTIME.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0


def temperature_celsius() -> float | None:
    """Return the processor's temperature, or None if unknown."""
    try:
        return int(_TEMPERATURE.read_text()) / 1000
    except (OSError, ValueError):
        return None


def age_seconds(captured_at: str | None, now: datetime) -> float | None:
    """Return how long ago something was captured, by a clock that may have been wrong."""
    if captured_at is None:
        return None
    try:
        captured = datetime.fromisoformat(captured_at)
    except ValueError:
        return None
    if captured.tzinfo is None:
        captured = captured.replace(tzinfo=UTC)
    return max(0.0, (now - captured).total_seconds())
