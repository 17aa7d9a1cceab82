"""A control group of processes with a limit on their memory, as systemd gives to a unit.

The kernel ends a process of the group rather than let it have more. Needs root, and the controller
for memory of either version of control groups.

`python -m tests.campaigns.memory_group FOLDER COMMAND ...` runs a command inside a group.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections import Counter
from pathlib import Path

_V1, _V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
_LOOK_SECONDS = 0.05
_MB = 2**20


class NoGroups(Exception):
    """This machine lets nobody make control groups; the message says what is missing."""


class MemoryGroup:
    """A group; closing it gives up its name. Its processes have to have ended by then.

    Args:
        name: of its folder, different for every group.
        limit_bytes: what its processes may have together, files that the kernel keeps included.

    Raises:
        NoGroups: it can't be made.
    """

    def __init__(self, name: str, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._is_v1 = (_V1 / "memory.limit_in_bytes").exists()
        root = _V1 if self._is_v1 else _V2
        self.folder = root / name
        try:
            if not self._is_v1:
                (root / "cgroup.subtree_control").write_text("+memory")
            self.folder.mkdir()
            limit = "memory.limit_in_bytes" if self._is_v1 else "memory.max"
            (self.folder / limit).write_text(str(limit_bytes))
        except OSError as error:
            with contextlib.suppress(OSError):
                self.folder.rmdir()
            raise NoGroups(f"{self.folder}: {error.strerror}; be root, with /sys/fs/cgroup") from (
                error
            )

    def close(self) -> None:
        """Remove the group."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def enter(self, pid: int) -> None:
        """Move a process into the group; what it had before stays counted where it was."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def pids(self) -> list[int]:
        """Return its processes."""
        return [int(line) for line in (self.folder / "cgroup.procs").read_text().split()]

    def inside(self, *command: str) -> tuple[str, ...]:
        """Return a command line that runs a command inside the group."""
        return ("python", "-m", "tests.campaigns.memory_group", str(self.folder), *command)

    @property
    def peak_mb(self) -> float:
        """The most it has had at once, files that the kernel keeps included."""
        name = "memory.max_usage_in_bytes" if self._is_v1 else "memory.peak"
        return int((self.folder / name).read_text()) / _MB

    @property
    def ended_by_kernel(self) -> int:
        """How many of its processes the kernel has ended for want of memory."""
        name = "memory.oom_control" if self._is_v1 else "memory.events"
        return int(re.findall(r"oom_kill (\d+)", (self.folder / name).read_text())[-1])


class Watch:
    """Looks many times a second at what the processes of some groups have.

    Args:
        groups: to look at.
        roles: words of a command line, and what its process is called in `peaks`.
        apart: processes to move to another group as soon as they are there, by role.

    Attributes:
        peaks: the most that one process of a role had, in MB.
        together: the most that all processes of a group had at the same time, in MB.
    """

    def __init__(
        self, groups: dict[str, MemoryGroup], roles: dict[str, str], apart: dict[str, MemoryGroup]
    ) -> None:
        self._groups = groups
        self._roles = roles
        self._apart = apart
        self.peaks: Counter[str] = Counter()
        self.together: Counter[str] = Counter()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            for name, group in self._groups.items():
                now = sum(self._look(group, pid) for pid in group.pids())
                self.together[name] = max(self.together[name], now)

    def _look(self, group: MemoryGroup, pid: int) -> float:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return 0.0  # it has ended
        has = {key: int(kb) / 1024 for key, kb in re.findall(r"(Vm\w+):\s+(\d+) kB", status)}
        role = next((role for sign, role in self._roles.items() if sign in words), "")
        if role and has:
            # A process begins with the memory of the one that started it.
            self.peaks[role] = max(self.peaks[role], has["VmRSS"])
        if role in self._apart and self._apart[role] is not group:
            with contextlib.suppress(OSError):
                self._apart[role].enter(pid)
        return has.get("VmRSS", 0.0)


if __name__ == "__main__":
    (Path(sys.argv[1]) / "cgroup.procs").write_text(str(os.getpid()))
    program = Path(sys.executable).with_name(sys.argv[2])
    os.execv(program, [str(program), *sys.argv[3:]])
