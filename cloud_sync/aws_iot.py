"""AWS IoT as a `cloud_sync.mqtt.Broker`: one connection after another, each with its own client.

The session decides when to reconnect. The vendor's SDK is behind `cloud_sync.sdk_connection`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from cloud_sync.mqtt import BrokerEndpoint, Dropped, Inbox, NotConnected, check_publish
from cloud_sync.sdk_connection import ConnectFailed, SdkConnection, silence_sdk


class AwsIotBroker:
    """One thing's connection to AWS IoT over mutual TLS; port 443 uses ALPN."""

    def __init__(
        self, endpoint: BrokerEndpoint, subscriptions: Sequence[str], inbox: Inbox
    ) -> None:
        silence_sdk()
        self._endpoint = endpoint
        self._subscriptions = tuple(subscriptions)
        self._inbox = inbox
        self._lock = threading.Lock()
        self._connection: SdkConnection | None = None

    def connect(self) -> None:
        """Start connecting. Exactly one Connected or Dropped follows; after Connected, messages."""
        try:
            connection = SdkConnection(self._endpoint, self._inbox)
        except OSError as error:
            # The certificate or its key has disappeared since the service started.
            self._inbox(Dropped(str(error)))
            return
        with self._lock:
            old, self._connection = self._connection, connection
        threading.Thread(
            target=self._open, args=(old, connection), name="mqtt-connect", daemon=True
        ).start()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at least once, without waiting.

        Raises:
            NotConnected: there is no connection.
            TopicRefused: AWS would refuse the topic or the payload.
        """
        check_publish(topic, payload)
        with self._lock:
            connection = self._connection
        if connection is None:
            raise NotConnected("never connected")
        connection.publish(topic, payload)

    def disconnect(self) -> None:
        """Disconnect. No event follows once this returns, until `connect` is called again."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.leave()

    def _open(self, old: SdkConnection | None, connection: SdkConnection) -> None:
        if old is not None:
            old.leave()
        try:
            connection.open(self._subscriptions)
        except ConnectFailed as error:
            connection.tear_down()
            connection.report_drop(str(error))
