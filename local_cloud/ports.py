"""Chooses free ports for a local cloud."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import msgspec

from data.durable import replace_durably
from local_cloud.state import LocalState, Ports

_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LEAST, _MOST = 20_000, 32_768
# Where the kernel gives out almost all ports, those in its range must do.
_AT_LEAST = 5_000


def is_free(port: int) -> bool:
    """Return whether this loopback port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Return this many different free loopback ports.

    They are below those that the kernel gives to outgoing connections: any program could take one
    of those between this choice and our own use of it, today or at the next start.
    """
    below = int(_OUTGOING.read_text().split()[0]) if _OUTGOING.exists() else _MOST
    candidates = range(_LEAST, max(below, _LEAST + _AT_LEAST))
    chosen: list[int] = []
    for port in random.sample(candidates, k=len(candidates)):
        if len(chosen) == count:
            break
        if is_free(port):
            chosen.append(port)
    return chosen


def choose(state: LocalState) -> tuple[Ports, bool]:
    """Return the ports of this local cloud, and whether they differ from the last run's.

    They are kept for the next start. If another program has taken one in the meantime, all are
    chosen again, and devices have to be provisioned again.
    """
    kept = None
    try:
        kept = msgspec.json.decode(state.ports.read_bytes(), type=Ports)
    except (FileNotFoundError, msgspec.DecodeError):
        pass
    if kept is not None and all(is_free(port) for port in msgspec.structs.astuple(kept)):
        return kept, False
    ports = Ports(*free_ports(len(Ports.__struct_fields__)))
    replace_durably(state.ports, msgspec.json.encode(ports))
    return ports, kept is not None
