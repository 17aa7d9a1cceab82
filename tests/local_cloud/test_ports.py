"""A local cloud keeps its ports."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from local_cloud import ports

OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_no_outgoing_connection_can_take_a_chosen_port():
    if not OUTGOING.exists() or int(OUTGOING.read_text().split()[0]) < 25_000:
        pytest.skip("this kernel gives nearly every port to outgoing connections")
    lowest = int(OUTGOING.read_text().split()[0])
    chosen = ports.free_ports(20)
    assert len(set(chosen)) == 20
    assert max(chosen) < lowest


def test_a_port_in_use_is_not_chosen(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "_LEAST", port)
        monkeypatch.setattr(ports, "_AT_LEAST", 2)
        monkeypatch.setattr(ports, "_OUTGOING", Path("/nowhere"))
        monkeypatch.setattr(ports, "_MOST", port + 2)
        assert ports.free_ports(2) in ([], [port + 1])
