"""One connection through AWSIoTPythonSDK 1.6.2. The only module that uses it.

The SDK's quirks, and what is done about them here:

- Offline it queues publishes in memory and forgets their acknowledgements: switched off.
- It reconnects on its own without jitter and resends a refused publish forever: each connection
  gets its own client, which never reconnects. The session decides when to try again.
- A publish inside a callback deadlocks, and an exception inside one kills its dispatcher thread:
  callbacks only put events into the inbox, and catch everything.
- Its disconnect can deadlock with its dispatcher: the MQTT client inside is disconnected instead.
- Its exceptions share no base class, and paho's own errors pass through, so we catch `Exception`.
- It reads forever from a connection that ended in the middle of a packet (`sdk_reader`).
- It connects without a timeout, so the socket is made here. A refused CONNACK looks like success,
  so its code is checked here. After a lost connection its threads stay, so they're ended here.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Sequence
from typing import Any

from AWSIoTPythonSDK.core.protocol.paho import client as _paho
from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTClient

from cloud_sync.mqtt import BrokerEndpoint, Connected, Dropped, Inbox, MqttMessage, NotConnected
from cloud_sync.sdk_reader import guard_reads
from data.errors import GreenlightError

_QOS = 1
_SUBACK_REFUSED = 0x80
_CONNACK = {
    1: "the broker uses another version of MQTT",
    2: "the broker refuses this client id",
    3: "the broker is unavailable",
    4: "the broker refuses the user name",
    5: "the broker doesn't authorise this certificate for this thing",
}
# The SDK requires stable > base; neither is used, since it never reconnects on its own here.
_SDK_BACKOFF_SECONDS = (1, 2, 3)
_LEAVE_SECONDS = 1.0


class ConnectFailed(GreenlightError):
    """The broker could not be reached or refused us."""


class SdkConnection:
    """One SDK client: it connects once, then is thrown away."""

    def __init__(self, endpoint: BrokerEndpoint, inbox: Inbox) -> None:
        self._endpoint = endpoint
        self._inbox = inbox
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._lost = threading.Event()
        self._up = False
        self._reported = False
        self._torn_down = False
        self._stopped = threading.Event()
        self._client = self._configured()

    def open(self, subscriptions: Sequence[str]) -> None:
        """Connect and subscribe, then report Connected.

        Raises:
            ConnectFailed: with the reason.
        """
        answer = _Answer()
        try:
            self._client.connectAsync(self._endpoint.keep_alive_seconds, answer.take)
        except Exception as error:
            raise ConnectFailed(f"{type(error).__name__}: {error}") from error
        code = answer.wait(self._endpoint.connect_timeout_seconds, self._lost)
        if code is None:
            raise ConnectFailed(
                "no answer from the broker; it also stays silent when it refuses a certificate"
            )
        if code != 0:
            raise ConnectFailed(_CONNACK.get(code, f"the broker refuses with code {code}"))
        self._subscribe(subscriptions)
        with self._lock:
            if self._lost.is_set() or self._over.is_set():
                raise ConnectFailed("the connection ended immediately")
            self._up = True
            self._inbox(Connected())

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a message to the SDK.

        Raises:
            NotConnected: this connection is not up.
        """
        if not self._up:
            raise NotConnected(f"{topic}: not connected")
        network = _inner(self._client)._thread
        if network is None or not network.is_alive():
            # It would accept messages, send none, and never notice a lost connection.
            self.report_drop("the SDK's network thread has died")
            raise NotConnected(f"{topic}: the SDK's network thread has died")
        try:
            self._client.publishAsync(topic, payload, _QOS)
        except Exception as error:
            raise NotConnected(f"{topic}: {type(error).__name__}: {error}") from error

    def report_drop(self, reason: str) -> None:
        """Report Dropped, once, unless `leave` was called."""
        with self._lock:
            self._up = False
            if not self._reported and not self._over.is_set():
                self._reported = True
                self._inbox(Dropped(reason))

    def leave(self) -> None:
        """Report nothing more; end the connection, or let a running attempt end on its own."""
        with self._lock:
            opened = self._up or self._reported
            self._up = False
            self._over.set()
        if opened:
            self.tear_down()

    def tear_down(self) -> None:
        """End every thread and socket of this connection."""
        with self._lock:
            if self._torn_down:
                return
            self._torn_down = True
        inner, consumer = _inner(self._client), self._client._mqtt_core._event_consumer
        self._stopped.set()
        # Not the SDK's own disconnect: on a connection that is ending, it and the dispatcher can
        # each hold the lock that the other waits for.
        with contextlib.suppress(Exception):
            inner.disconnect()
            self._lost.wait(_LEAVE_SECONDS)
        # A frozen broker doesn't answer: close the socket, so that the network thread wakes up.
        with contextlib.suppress(Exception):
            inner.socket().shutdown(socket.SHUT_RDWR)
        consumer.stop()
        consumer.wait_until_it_stops(_LEAVE_SECONDS)
        inner._backoffCore.stopStableConnectionTimer()
        inner._reset_sockets()

    def _configured(self) -> Any:
        end = self._endpoint
        client = AWSIoTMQTTClient(end.client_id)
        client.configureEndpoint(end.host, end.port)
        client.configureCredentials(str(end.root_ca), str(end.private_key), str(end.certificate))
        client.configureOfflinePublishQueueing(0)
        client.configureConnectDisconnectTimeout(end.connect_timeout_seconds)
        client.configureMQTTOperationTimeout(end.connect_timeout_seconds)
        client.configureAutoReconnectBackoffTime(*_SDK_BACKOFF_SECONDS)
        client.configureSocketFactory(self._socket)
        client.disableMetricsCollection()
        client.onMessage = self._on_message
        client.onOffline = self._on_offline
        # Where the SDK would wait before reconnecting, it now waits to be thrown away.
        _inner(client)._backoffCore.backOff = self._stopped.wait
        guard_reads(_inner(client), end.keep_alive_seconds, self._on_silence)
        return client

    def _socket(self) -> socket.socket:
        if self._stopped.is_set() or self._over.is_set():
            raise ConnectionAbortedError("this connection is over")
        end = self._endpoint
        made = socket.create_connection((end.host, end.port), end.connect_timeout_seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _subscribe(self, subscriptions: Sequence[str]) -> None:
        answers = {topic: _Answer() for topic in subscriptions}
        try:
            for topic, answer in answers.items():
                self._client.subscribeAsync(topic, _QOS, answer.take, None)
        except Exception as error:
            raise ConnectFailed(f"subscribing: {type(error).__name__}: {error}") from error
        for topic, answer in answers.items():
            granted = answer.wait(self._endpoint.connect_timeout_seconds, self._lost)
            if granted is None:
                raise ConnectFailed(f"{topic}: the broker didn't answer the subscription")
            if granted == _SUBACK_REFUSED:
                raise ConnectFailed(f"{topic}: the broker refuses the subscription")

    # Callbacks run on the SDK's thread, which an exception would kill.

    def _on_message(self, message: Any) -> None:
        with contextlib.suppress(Exception), self._lock:
            if self._up:
                self._inbox(MqttMessage(str(message.topic), bytes(message.payload)))

    def _on_silence(self, reason: str) -> None:
        with contextlib.suppress(Exception):
            self.report_drop(reason)
            _inner(self._client).socket().shutdown(socket.SHUT_RDWR)

    def _on_offline(self) -> None:
        with contextlib.suppress(Exception), self._lock:
            self._lost.set()
            if self._up:
                self.report_drop("the connection was lost")


class _Answer:
    """A CONNACK or SUBACK that another thread waits for."""

    def __init__(self) -> None:
        self._came = threading.Event()
        self._code = 0

    def take(self, mid: Any, data: Any = None) -> None:
        """Store the SDK's answer: a number, or a sequence that starts with one."""
        with contextlib.suppress(Exception):
            self._code = int(data[0] if isinstance(data, list | tuple) else data or 0)
        self._came.set()

    def wait(self, seconds: float, lost: threading.Event) -> int | None:
        """Return the code, or None if it doesn't arrive in time or the connection is lost first."""
        slice_seconds = 0.02
        for _ in range(max(1, int(seconds / slice_seconds))):
            if self._came.wait(slice_seconds):
                return self._code
            if lost.is_set():
                return self._code if self._came.is_set() else None
        return None


def _inner(client: Any) -> Any:
    """Return the MQTT client inside the SDK's client."""
    return client._mqtt_core._internal_async_client._paho_client


def silence_sdk() -> None:
    """Silence the SDK: it logs every attempt and prints socket errors; we log the transitions."""
    logging.getLogger("AWSIoTPythonSDK").setLevel(logging.CRITICAL + 1)
    _paho.print = lambda *_, **__: None
