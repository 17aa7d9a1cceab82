"""An in-memory broker for tests of the session: it passes the same tests as the real one."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_sync.mqtt import Connected, Dropped, Inbox, MqttMessage, NotConnected, check_publish


class FakeHub:
    """The broker of fake clients. Delivery is immediate."""

    def __init__(self) -> None:
        self.up = True
        self._clients: list[FakeBroker] = []

    def down(self) -> None:
        """Drop all clients and refuse connections."""
        self.up = False
        for client in list(self._clients):
            client.drop("the connection was lost")

    def attach(self, client: FakeBroker) -> None:
        """Connect a client; an earlier one with the same id is disconnected, as MQTT demands."""
        for other in list(self._clients):
            if other.client_id == client.client_id:
                other.drop("the connection was lost")
        self._clients.append(client)

    def detach(self, client: FakeBroker) -> None:
        """Disconnect a client."""
        if client in self._clients:
            self._clients.remove(client)

    def deliver(self, message: MqttMessage) -> None:
        """Deliver a message to every subscriber."""
        for client in list(self._clients):
            client.receive(message)


class FakeBroker:
    """One client's connection."""

    def __init__(
        self, hub: FakeHub, client_id: str, subscriptions: Sequence[str], inbox: Inbox
    ) -> None:
        self.client_id = client_id
        self._hub = hub
        self._filters = [one.split("/") for one in subscriptions]
        self._inbox = inbox
        self._up = False

    def connect(self) -> None:
        if not self._hub.up:
            self._inbox(Dropped("refused"))
            return
        self._hub.attach(self)
        self._up = True
        self._inbox(Connected())

    def publish(self, topic: str, payload: bytes) -> None:
        check_publish(topic, payload)
        if not self._up:
            raise NotConnected(topic)
        self._hub.deliver(MqttMessage(topic, payload))

    def disconnect(self) -> None:
        self._up = False
        self._hub.detach(self)

    def drop(self, reason: str) -> None:
        self._up = False
        self._hub.detach(self)
        self._inbox(Dropped(reason))

    def receive(self, message: MqttMessage) -> None:
        levels = message.topic.split("/")
        for wanted in self._filters:
            if len(wanted) == len(levels) and all(
                one in ("+", other) for one, other in zip(wanted, levels, strict=True)
            ):
                self._inbox(message)
                return
