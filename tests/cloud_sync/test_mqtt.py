"""The port: the real broker (AWSIoTPythonSDK on mosquitto) and the fake behave the same."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rig.fake_broker import FakeBroker, FakeHub
from rig.mosquitto import Mosquitto

from cloud_sync.aws_iot import AwsIotBroker
from cloud_sync.mqtt import (
    Broker,
    BrokerEndpoint,
    Connected,
    Dropped,
    MqttMessage,
    NotConnected,
    TopicRefused,
)

TIMEOUT_SECONDS = 60.0


class Client:
    """A connection and its events."""

    def __init__(self, make: Callable[[Any], Broker]) -> None:
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.broker = make(self.events.put)

    def next(self) -> Any:
        return self.events.get(timeout=TIMEOUT_SECONDS)

    def silent(self, seconds: float = 0.2) -> bool:
        try:
            self.events.get(timeout=seconds)
        except queue.Empty:
            return True
        return False


class FakeWorld:
    """Clients that meet in memory."""

    def __init__(self) -> None:
        self._hub = FakeHub()
        self.clients: list[Client] = []

    def client(self, name: str, *subscriptions: str) -> Client:
        made = Client(lambda inbox: FakeBroker(self._hub, name, subscriptions, inbox))
        self.clients.append(made)
        return made

    def down(self) -> None:
        self._hub.down()

    def up(self) -> None:
        self._hub.up = True


class RealWorld:
    """Clients that meet at mosquitto."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self._mosquitto = mosquitto
        self.clients: list[Client] = []

    def client(self, name: str, *subscriptions: str) -> Client:
        certificate, key = self._mosquitto.authority.client(name)
        endpoint = BrokerEndpoint(
            name,
            "localhost",
            self._mosquitto.port,
            self._mosquitto.authority.path,
            certificate,
            key,
            connect_timeout_seconds=5,
            keep_alive_seconds=30,
        )
        made = Client(lambda inbox: AwsIotBroker(endpoint, subscriptions, inbox))
        self.clients.append(made)
        return made

    def down(self) -> None:
        self._mosquitto.kill()

    def up(self) -> None:
        self._mosquitto.start()


World = FakeWorld | RealWorld


@pytest.fixture(
    params=["fake", pytest.param("real", marks=pytest.mark.mosquitto)],
)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made: World = (
        FakeWorld() if request.param == "fake" else RealWorld(request.getfixturevalue("mosquitto"))
    )
    yield made
    for client in made.clients:
        client.broker.disconnect()


def connected(world: World, name: str, *subscriptions: str) -> Client:
    client = world.client(name, *subscriptions)
    client.broker.connect()
    assert client.next() == Connected()
    return client


def test_what_is_published_arrives_at_the_subscriber(world: World) -> None:
    cloud = connected(world, "cloud", "filmupdate/+")
    thing = connected(world, "thing-1", "filmupdate/thing-1/ack")
    thing.broker.publish("filmupdate/thing-1", b"up")
    assert cloud.next() == MqttMessage("filmupdate/thing-1", b"up")
    cloud.broker.publish("filmupdate/thing-1/ack", b"down")
    assert thing.next() == MqttMessage("filmupdate/thing-1/ack", b"down")


def test_messages_keep_their_order(world: World) -> None:
    cloud = connected(world, "cloud", "filmupdate/+")
    thing = connected(world, "thing-1", "filmupdate/thing-1/ack")
    for number in range(50):
        thing.broker.publish("filmupdate/thing-1", b"%d" % number)
    assert [cloud.next().payload for _ in range(50)] == [b"%d" % n for n in range(50)]


def test_messages_on_other_topics_are_not_delivered(world: World) -> None:
    cloud = connected(world, "cloud", "filmupdate/+")
    thing = connected(world, "thing-1", "filmupdate/thing-1/ack")
    cloud.broker.publish("filmupdate/thing-2/ack", b"not yours")
    cloud.broker.publish("filmupdate/thing-1/ack", b"yours")
    assert thing.next().payload == b"yours"


def test_a_broker_that_dies_is_reported_once_and_can_be_reached_again(world: World) -> None:
    thing = connected(world, "thing-1", "filmupdate/thing-1/ack")
    world.down()
    assert isinstance(thing.next(), Dropped)
    with pytest.raises(NotConnected):
        thing.broker.publish("filmupdate/thing-1", b"lost")
    thing.broker.connect()
    assert isinstance(thing.next(), Dropped)
    assert thing.silent()
    world.up()
    thing.broker.connect()
    assert thing.next() == Connected()


def test_a_message_from_before_is_not_replayed_after_reconnecting(world: World) -> None:
    cloud = connected(world, "cloud", "filmupdate/+")
    thing = connected(world, "thing-1", "filmupdate/thing-1/ack")
    thing.broker.disconnect()
    cloud.broker.publish("filmupdate/thing-1/ack", b"while away")
    thing.broker.connect()
    assert thing.next() == Connected()
    assert thing.silent()


def test_nothing_is_delivered_after_leaving(world: World) -> None:
    cloud = connected(world, "cloud", "filmupdate/+")
    thing = connected(world, "thing-1", "filmupdate/thing-1/ack")
    thing.broker.disconnect()
    cloud.broker.publish("filmupdate/thing-1/ack", b"too late")
    assert thing.silent()


def test_publishing_without_a_connection_is_refused(world: World) -> None:
    thing = world.client("thing-1", "filmupdate/thing-1/ack")
    with pytest.raises(NotConnected):
        thing.broker.publish("filmupdate/thing-1", b"")


@pytest.mark.parametrize("topic", ["", "a/#", "a/+/b", "x" * 257, "with space"])
def test_a_topic_that_would_drop_the_connection_is_refused(world: World, topic: str) -> None:
    thing = connected(world, "thing-1", "filmupdate/thing-1/ack")
    with pytest.raises(TopicRefused):
        thing.broker.publish(topic, b"")
    with pytest.raises(TopicRefused):
        thing.broker.publish("filmupdate/thing-1", b"x" * 100_001)
