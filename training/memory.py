"""The memory of a run with its worker processes: its peak, and what a table will need."""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path

_KILOBYTES_OF_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


# Measured as exports print it: 802 MB for 520 rows, 1,072 MB for 16,956.
_BASE_BYTES, _BYTES_A_ROW = 790e6, 17e3


def needed_bytes(rows: int) -> int:
    """Return about how much memory an export of this many rows takes."""
    return round(_BASE_BYTES + _BYTES_A_ROW * rows)


def rows_within(memory: int) -> int:
    """Return about how many rows can be trained on within this much memory."""
    return max(0, int((memory - _BASE_BYTES) / _BYTES_A_ROW))


def machine_bytes() -> int:
    """Return how much memory this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def peak_megabytes() -> float:
    """Return the sum of the peaks of this process and its living children.

    The sum is an upper bound: shared pages count for each process, and the peaks may be at
    different times. Without a Linux /proc it is this process's peak alone.
    """
    try:
        tasks = Path("/proc/self/task").iterdir()
        children = " ".join((task / "children").read_text() for task in tasks).split()
        return sum(_peak(pid) for pid in [os.getpid(), *map(int, children)]) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _peak(pid: int) -> int:
    found = _KILOBYTES_OF_PEAK.search(Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0
