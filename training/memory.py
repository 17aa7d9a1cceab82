"""The peak memory of a run, including its worker processes."""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path

_KILOBYTES_OF_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


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
