"""The relay is the only way to the broker."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_cloud.state import LocalState

from ..lambdas.device import Device


def test_offline_the_port_is_refused_and_online_it_answers_again(
    local_cloud: Any, devices: Callable[[], Device]
) -> None:
    device = devices().connect()
    address = ("127.0.0.1", device.settings["mqtt_port"])
    local_cloud.order("offline")
    try:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
    finally:
        local_cloud.order("online")
    socket.create_connection(address, timeout=5).close()


def test_the_broker_cannot_be_reached_past_the_relay_on_another_interface(local_cloud: Any) -> None:
    ports = json.loads(LocalState(local_cloud.folder).ports.read_bytes())
    listening = Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]
    for line in listening:
        local, state = line.split()[1], line.split()[3]
        address, port = local.split(":")
        if state == "0A" and int(port, 16) in ports.values():
            assert address == "0100007F", f"port {int(port, 16)} listens beyond loopback"
