"""Behaviour of the AWS IoT port that only a real broker with mutual TLS can show."""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from rig.mosquitto import Mosquitto, free_port
from rig.pki import Authority
from rig.proxy import Proxy

from cloud_sync.aws_iot import AwsIotBroker
from cloud_sync.mqtt import BrokerEndpoint, Connected, Dropped, NotConnected

pytestmark = pytest.mark.mosquitto

TIMEOUT_SECONDS = 60.0


class Thing:
    """A connection to mosquitto and its events."""

    def __init__(
        self,
        authority: Authority,
        port: int,
        name: str = "thing-1",
        trusts: Authority | None = None,
        keep_alive_seconds: int = 30,
        connect_timeout_seconds: float = 3.0,
    ) -> None:
        certificate, key = authority.client(name)
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        endpoint = BrokerEndpoint(
            name,
            "localhost",
            port,
            (trusts or authority).path,
            certificate,
            key,
            connect_timeout_seconds,
            keep_alive_seconds,
        )
        self.broker = AwsIotBroker(endpoint, (f"filmupdate/{name}/ack",), self.events.put)

    def connect(self) -> Any:
        self.broker.connect()
        return self.events.get(timeout=TIMEOUT_SECONDS)


def test_a_certificate_of_another_authority_is_refused(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger", "Somebody else")
    thing = Thing(stranger, mosquitto.port, trusts=mosquitto.authority)
    assert isinstance(thing.connect(), Dropped)


def test_a_broker_of_another_authority_is_not_trusted(mosquitto: Mosquitto, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger", "Somebody else")
    thing = Thing(mosquitto.authority, mosquitto.port, trusts=stranger)
    event = thing.connect()
    assert isinstance(event, Dropped)
    assert "certificate" in event.reason.lower()


def test_what_the_policy_denies_is_not_delivered(mosquitto: Mosquitto) -> None:
    """The broker acknowledges it anyway: only the application's ack proves delivery."""
    other = Thing(mosquitto.authority, mosquitto.port, "thing-2")
    assert other.connect() == Connected()
    thing = Thing(mosquitto.authority, mosquitto.port)
    assert thing.connect() == Connected()
    thing.broker.publish("filmupdate/thing-2/ack", b"forged")
    thing.broker.publish("filmupdate/thing-1/ack", b"forged")
    cloud = Thing(mosquitto.authority, mosquitto.port, "cloud")
    assert cloud.connect() == Connected()
    cloud.broker.publish("filmupdate/thing-2/ack", b"real")
    assert other.events.get(timeout=TIMEOUT_SECONDS).payload == b"real"
    for one in (thing, other, cloud):
        one.broker.disconnect()


def test_a_broker_that_stops_answering_is_noticed_by_keep_alive(mosquitto: Mosquitto) -> None:
    thing = Thing(mosquitto.authority, mosquitto.port, keep_alive_seconds=1)
    assert thing.connect() == Connected()
    mosquitto.freeze()
    assert isinstance(thing.events.get(timeout=TIMEOUT_SECONDS), Dropped)
    mosquitto.thaw()
    assert thing.connect() == Connected()
    thing.broker.disconnect()


def test_a_blackhole_does_not_hold_up_leaving(mosquitto: Mosquitto) -> None:
    proxy = Proxy(mosquitto.port, free_port())
    proxy.blackhole(True)
    try:
        thing = Thing(mosquitto.authority, proxy.port, connect_timeout_seconds=30)
        thing.broker.connect()
        time.sleep(0.2)
        began = time.monotonic()
        thing.broker.disconnect()
        assert time.monotonic() - began < 20, "it does not wait for the attempt's end"
    finally:
        proxy.close()


def test_a_blackhole_ends_the_attempt_after_its_timeout(mosquitto: Mosquitto) -> None:
    proxy = Proxy(mosquitto.port, free_port())
    proxy.blackhole(True)
    try:
        thing = Thing(mosquitto.authority, proxy.port, connect_timeout_seconds=0.5)
        assert isinstance(thing.connect(), Dropped)
    finally:
        proxy.close()


def test_reconnecting_leaves_no_thread_and_no_socket_behind(mosquitto: Mosquitto) -> None:
    proxy = Proxy(mosquitto.port, free_port())
    process = psutil.Process()
    thing = Thing(mosquitto.authority, proxy.port)
    counts = []
    for _ in range(25):
        assert thing.connect() == Connected()
        proxy.reset()
        assert isinstance(thing.events.get(timeout=TIMEOUT_SECONDS), Dropped)
        counts.append((threading.active_count(), process.num_fds()))
    assert thing.connect() == Connected()
    gc.collect()
    assert threading.active_count() <= counts[2][0] + 1
    assert process.num_fds() <= counts[2][1] + 3
    thing.broker.disconnect()
    proxy.close()


def test_port_443_is_spoken_with_alpn(authority: Authority) -> None:
    """Restricted networks allow only port 443, where AWS recognises MQTT by this name."""
    certificate, key = authority.server("alpn")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority.path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["x-amzn-mqtt-ca"])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", 443))
    except OSError as error:
        if os.environ.get("GREENLIGHT_REQUIRE_ALL") == "1":
            pytest.fail(f"port 443 of loopback: {error}")
        pytest.skip(f"port 443 of loopback cannot be bound: {error}")
    listener.listen()
    listener.settimeout(TIMEOUT_SECONDS)
    thing = Thing(authority, 443, connect_timeout_seconds=1)
    thing.broker.connect()
    accepted, _ = listener.accept()
    with context.wrap_socket(accepted, server_side=True) as line:
        assert line.selected_alpn_protocol() == "x-amzn-mqtt-ca"
        assert line.getpeercert()
    assert isinstance(thing.events.get(timeout=TIMEOUT_SECONDS), Dropped)
    listener.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_network_thread_that_dies_is_noticed_at_the_next_publish(mosquitto: Mosquitto) -> None:
    thing = Thing(mosquitto.authority, mosquitto.port)
    assert isinstance(thing.connect(), Connected)
    line = thing.broker._connection
    assert line is not None
    inner = line._client._mqtt_core._internal_async_client._paho_client

    def die() -> None:
        raise SystemExit  # ends a thread silently, whatever catches errors there

    inner._packet_read = die
    inner._packet_write = die
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while inner._thread.is_alive() and time.monotonic() < deadline:
        with contextlib.suppress(NotConnected):
            thing.broker.publish("filmupdate/thing-1", b"wake up")
        time.sleep(0.02)
    with pytest.raises(NotConnected, match="thread"):
        thing.broker.publish("filmupdate/thing-1", b"lost")
    assert thing.events.get(timeout=TIMEOUT_SECONDS) == Dropped("the SDK's network thread has died")
    assert isinstance(thing.connect(), Connected)
    thing.broker.disconnect()
