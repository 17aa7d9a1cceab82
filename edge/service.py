"""Whether systemd looks after the appliance here, and how its owner then starts a service.

Advice that is right on a developer's machine (`greenlight run`) would start a second appliance,
of another user, on a device.
"""

from __future__ import annotations

from pathlib import Path

from edge.config import DEFAULT_PATH, Config

RUNNING = Path("/run/systemd/system")
UNITS = Path("/usr/local/lib/systemd/system")
APPLIANCE = "greenlight"
SYNC = "greenlight-sync"


def is_installed(state: Path, name: str = APPLIANCE) -> bool:
    """Say whether systemd runs here and has a unit for whoever uses this state folder.

    The units know the installed state folder alone: one of your own is nobody's but yours.
    """
    return state == Config.state and RUNNING.is_dir() and (UNITS / f"{name}.service").exists()


def how_to_start(state: Path, name: str = APPLIANCE) -> str:
    """Return the words for starting a service."""
    if not is_installed(state, name):
        return f"start it with `{name} run`"
    if name == SYNC and not (DEFAULT_PATH.parent / "sync").is_dir():
        return "connect it with `sudo greenlight-setup connect FOLDER`"
    # Where systemd has given up, it has to be told first that something was mended.
    return (
        f"start it with `sudo systemctl reset-failed {name}; sudo systemctl start {name}`;"
        f" why it ended: `journalctl -u {name} -b`"
    )
