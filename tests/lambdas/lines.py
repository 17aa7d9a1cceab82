"""Connections of devices, byte by byte."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from .device import Device
from .raw_mqtt import RawMqtt, tls


def context_of(device: Device) -> ssl.SSLContext:
    return tls(*(str(device.path(name)) for name in ("root_ca", "certificate", "private_key")))


def port_of(device: Device) -> int:
    return int(device.settings["mqtt_port"])


@contextmanager
def line_of(device: Device) -> Iterator[RawMqtt]:
    """A connection of this device as itself."""
    with RawMqtt(port_of(device), context_of(device)) as line:
        assert line.connect(device.thing) == "taken"
        yield line
