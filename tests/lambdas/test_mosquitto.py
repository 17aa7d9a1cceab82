"""The strict claims again, on a real, independent broker: mosquitto.

Mutual TLS, an access list derived from the stack's own policy, revoked and expired certificates,
and the broker's death. A denied publish is acknowledged there anyway, so what is tested is
that it does not arrive.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from data import topics
from local_cloud.ports import free_ports

from .authority import Authority
from .raw_mqtt import RawMqtt, tls, try_to_connect
from .template_text import granted, read_template

pytestmark = pytest.mark.mosquitto

A, B = "thing-a", "thing-b"
NOT_COMING_SECONDS = 0.5


def access_list() -> str:
    """Return the device policy as mosquitto's access list: `%u` is the certificate's name."""
    template = read_template()
    resources = {name: found["Properties"] for name, found in template["Resources"].items()}
    lines = []
    for action, way in (("iot:Publish", "write"), ("iot:Receive", "read")):
        for resource in sorted(granted(resources, action)):
            pattern = resource.removeprefix("topic/").replace("Pi-1", "%u").replace("*", "#")
            lines.append(f"pattern {way} {pattern}\n")
    return "".join(lines) + "user cloud\ntopic readwrite #\ntopic readwrite $aws/#\n"


@dataclass
class Broker:
    """A running mosquitto with its own authority."""

    program: str
    folder: Path
    authority: Authority
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    certificates: dict[str, tuple[Path, Path]] = field(default_factory=dict)

    def start(self) -> None:
        self.port = self.port or free_ports(1)[0]
        server, key = self.certificates["server"]
        (self.folder / "acl").write_text(access_list(), "utf-8")
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\n"
            f"cafile {self.authority.path}\ncertfile {server}\nkeyfile {key}\n"
            f"crlfile {self.authority.revoke(self.certificates['revoked'][0])}\n"
            "require_certificate true\nuse_identity_as_username true\nallow_anonymous false\n"
            f"acl_file {self.folder / 'acl'}\n"
            "user root\npersistence false\n",
            "utf-8",
        )
        self.process = subprocess.Popen(
            [self.program, "-c", str(self.folder / "mosquitto.conf")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if b"running" in line:
                return
        raise AssertionError("mosquitto did not start")

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def context(self, name: str | None) -> Any:
        root = str(self.authority.path)
        return tls(root) if name is None else tls(root, *map(str, self.certificates[name]))

    def line(self, name: str) -> RawMqtt:
        return RawMqtt(self.port, self.context(name))


@pytest.fixture(scope="module")
def broker(mosquitto_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("mosquitto")
    authority = Authority(folder / "authority")
    made = Broker(mosquitto_path, folder, authority)
    made.certificates = {
        "server": authority.certificate("localhost", server=True),
        "expired": authority.certificate(A, expired=True),
        "foreign": Authority(folder / "foreign").certificate(A),
        **{name: authority.certificate(name) for name in (A, B, "cloud", "revoked")},
    }
    made.start()
    yield made
    made.end()


def test_the_right_certificate_is_let_in(broker: Broker) -> None:
    assert try_to_connect(broker.port, broker.context(A), A) == "taken"


@pytest.mark.parametrize("name", ["expired", "foreign", "revoked", None])
def test_a_wrong_or_missing_certificate_is_let_in_nowhere(broker: Broker, name: str | None) -> None:
    assert try_to_connect(broker.port, broker.context(name), A) != "taken"


def test_what_a_publishes_as_b_is_not_delivered(broker: Broker) -> None:
    with broker.line("cloud") as cloud, broker.line(A) as a:
        assert cloud.connect("cloud") == a.connect(A) == "taken"
        assert cloud.subscribe("#") == "taken"
        for topic in (
            topics.feedback(B),
            topics.verification(B),
            topics.feedback_ack(A),
            "anything",
        ):
            a.publish(topic, b"forged")
        assert cloud.message(NOT_COMING_SECONDS) is None
        a.publish(topics.feedback(A), b"own")
        assert cloud.message(5) == (topics.feedback(A), b"own")


def test_what_is_meant_for_b_does_not_reach_a(broker: Broker) -> None:
    with broker.line("cloud") as cloud, broker.line(A) as a, broker.line(B) as b:
        assert cloud.connect("cloud") == a.connect(A) == b.connect(B) == "taken"
        for topic_filter in (topics.feedback_ack(B), "filmupdate/+/ack", "#", "$aws/#"):
            a.subscribe(topic_filter)
        assert b.subscribe(topics.feedback_ack(B)) == "taken"
        for topic in (topics.feedback_ack(B), f"{topics.jobs(B)}/notify-next"):
            cloud.publish(topic, b"secret")
        assert b.message(5) == (topics.feedback_ack(B), b"secret")
        assert a.message(NOT_COMING_SECONDS) is None


def test_a_reads_as_itself_even_under_bs_client_id(broker: Broker) -> None:
    """Mosquitto accepts any client id; the certificate's name is the identity."""
    with broker.line("cloud") as cloud, broker.line(A) as impostor:
        assert cloud.connect("cloud") == "taken"
        impostor.connect(B)
        impostor.subscribe(topics.feedback_ack(B))
        cloud.publish(topics.feedback_ack(B), b"secret")
        assert impostor.message(NOT_COMING_SECONDS) is None


def test_a_device_outlives_the_brokers_death(broker: Broker) -> None:
    from AWSIoTPythonSDK.exception.operationError import operationError
    from AWSIoTPythonSDK.exception.operationTimeoutException import operationTimeoutException
    from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTClient

    certificate, key = broker.certificates[A]
    client = AWSIoTMQTTClient(A)
    client.configureEndpoint("localhost", broker.port)
    client.configureCredentials(str(broker.authority.path), str(key), str(certificate))
    client.configureConnectDisconnectTimeout(5)
    client.configureMQTTOperationTimeout(5)
    client.configureOfflinePublishQueueing(0)
    client.configureAutoReconnectBackoffTime(1, 2, 3)
    assert client.connect()
    broker.end(signal.SIGKILL)
    with pytest.raises((operationError, operationTimeoutException)):
        client.publish(topics.feedback(A), "lost", 1)
    broker.start()
    with broker.line("cloud") as cloud:
        assert cloud.connect("cloud") == "taken"
        assert cloud.subscribe(topics.feedback(A)) == "taken"
        assert arrives(client.publish, cloud), "the device came back by itself"
    client.disconnect()


def arrives(publish: Callable[[str, str, int], bool], cloud: RawMqtt) -> bool:
    """Send until it arrives, as the outbox does."""
    for _ in range(30):
        try:
            publish(topics.feedback(A), "again", 1)
        except Exception:  # noqa: BLE001 - not yet connected again, in one of several ways
            pass
        if cloud.message(1) == (topics.feedback(A), b"again"):
            return True
    return False
