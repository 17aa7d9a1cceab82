"""Whether systemd runs the appliance here, and how to start a service accordingly.

On a device, the advice for a developer's machine (`greenlight run`) would start a second appliance
as another user.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from edge.config import DEFAULT_PATH, Config

RUNNING = Path("/run/systemd/system")
UNITS = Path("/usr/local/lib/systemd/system")
APPLIANCE = "greenlight"
SYNC = "greenlight-sync"
# The state of a listening socket in /proc/net/tcp.
_LISTENS = "0A"


def is_installed(state: Path, name: str = APPLIANCE) -> bool:
    """Return whether systemd is running and has a unit for this state folder.

    The units use the installed state folder only; any other is run by hand.
    """
    return state == Config.state and RUNNING.is_dir() and (UNITS / f"{name}.service").exists()


def how_to_start(state: Path, name: str = APPLIANCE) -> str:
    """Return a sentence that says how to start a service."""
    if not is_installed(state, name):
        return f"start it with `{name} run`"
    if name == SYNC and not (DEFAULT_PATH.parent / "sync").is_dir():
        return "connect it with `sudo greenlight-setup connect FOLDER`"
    # If systemd has given up, it first has to forget the failures.
    return (
        f"start it with `sudo systemctl reset-failed {name}; sudo systemctl start {name}`;"
        f" to see why it ended: `journalctl -u {name} -b`"
    )


def how_to_restart(state: Path) -> str:
    """Return a sentence that says how to restart the appliance."""
    if is_installed(state):
        return f"restart it with `sudo systemctl restart {APPLIANCE}`"
    return f"stop it, then {how_to_start(state)}"


def port_holder(port: int) -> str | None:
    """Return which program listens on a TCP port, or None if this user may not know."""
    sockets = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                _, local, _, state, *rest = line.split()
                if state == _LISTENS and int(local.rsplit(":", 1)[1], 16) == port:
                    sockets.add(f"socket:[{rest[5]}]")
    if not sockets:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        # Other users' processes can't be read, and any process may end meanwhile.
        with contextlib.suppress(OSError):
            for handle in (process / "fd").iterdir():
                if str(handle.readlink()) in sockets:
                    name = (process / "comm").read_text().strip()
                    return f"{name}, process {process.name},"
    return None
