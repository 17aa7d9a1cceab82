"""Chooses free ports for a local cloud."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import msgspec

from data.durable import replace_durably
from local_cloud.state import LocalState, Ports


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
    """Return this many different free loopback ports."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


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
