"""What the process that runs this reaches: one JSON object of names and yes or no.

Run with the rights of a service and the paths of an appliance. Standard library only, and all of it
imported at the top: after giving up its rights, a process can't import any more.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_PAGE_VERB = b'{"verb": {"ask": "session"}}\n'
_CONTROL_VERB = b'{"command": "status"}\n'
# Certainly unreachable: only whether the kernel would try counts.
_ELSEWHERE = ("192.0.2.1", 9)


def _reads(path: Path) -> bool:
    try:
        if path.is_dir():
            return any(True for _ in path.iterdir()) or os.access(path, os.R_OK)
        with path.open("rb") as file:
            file.read(1)
        return True
    except OSError:
        return False


def _writes(path: Path) -> bool:
    try:
        if path.is_dir():
            made = path / f".reach-{os.getpid()}"
            made.touch(exist_ok=False)
            made.unlink()
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_NOFOLLOW))
        return True
    except OSError:
        return False


def _asks(path: Path, line: bytes, answered: bytes) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(path))
            connection.sendall(line)
            return answered in connection.recv(65_536)
    except OSError:
        return False


def _calls_out() -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            return connection.connect_ex(_ELSEWHERE) in (0, errno.EINPROGRESS, errno.ECONNREFUSED)
    except OSError:
        return False


def _sees_others() -> bool:
    try:
        found = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return False
    return "1" in found and os.geteuid() != 0


def reach(paths: dict[str, str]) -> dict[str, bool]:
    """Return what can be reached, by the names in docs/security.md's table."""
    at = {name: Path(path) for name, path in paths.items()}
    tests: dict[str, Callable[[], bool]] = {
        "reads the PIN": lambda: _reads(at["pin"]),
        "adds and removes files of the state folder": lambda: _writes(at["state"]),
        "reads and writes the journal": lambda: _reads(at["journal"]) and _writes(at["journal"]),
        "writes models": lambda: _writes(at["versions"]),
        "writes downloads": lambda: _writes(at["incoming"]),
        "reads the device's certificate": lambda: _reads(at["certificate"]),
        "changes settings or trusted keys": lambda: _writes(at["settings"]) or _writes(at["keys"]),
        "asks the control socket": lambda: _asks(at["control"], _CONTROL_VERB, b'"ok":true'),
        "asks the page's socket": lambda: _asks(at["page"], _PAGE_VERB, b'"found"'),
        "switches the Pi off": lambda: _writes(at["power"]),
        "calls the network": _calls_out,
        "sees other processes": _sees_others,
    }
    return {name: test() for name, test in tests.items()}


if __name__ == "__main__":
    print(json.dumps(reach(json.loads(sys.argv[1]))))
