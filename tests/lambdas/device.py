"""A device for the tests of the AWS side: the real SDK, the real certificates."""

from __future__ import annotations

import queue
import ssl
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTClient

from data import topics, wire
from data.ids import new_id
from data.messages import Ack, Feedback, FeedbackBatch, VerificationReply, VerificationRequest

TIMEOUT_SECONDS = 30


def feedback(thing: str, **changes: Any) -> Feedback:
    """Return a valid record of this thing, changed as asked."""
    fields: dict[str, Any] = {
        "id": new_id(),
        "thing": thing,
        "pick_id": new_id(),
        "title": "Crouching Tiger II",
        "director": "Ang Lee",
        "year": 2001,
        "genres": ("Drama", "Romance"),
        "expected": 7.25,
        "stars": 8,
        "source": "owner",
        "model_version": 3,
        "model_hash": "ab" * 32,
        "rated_at": "2026-01-02T03:04:05Z",
        "boot_id": "boot",
    }
    return Feedback(**(fields | changes))


def object_of(aws: Any, record: Feedback) -> str:
    """Return the key of a rating's object, as its item says."""
    item = aws.client("dynamodb").get_item(
        TableName=aws.local.table, Key={"pk": {"S": topics.feedback_key(record.id)}}
    )["Item"]
    return topics.feedback_object(record.id, held_out=item["held_out"]["BOOL"])


class Device:
    """A device that speaks MQTT as the Pi does, with the files that provisioning wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = tomllib.loads((folder / "sync.toml").read_text("utf-8"))
        self.thing: str = self.settings["thing"]
        self._arrived: dict[str, queue.Queue[bytes]] = {}
        self.client = AWSIoTMQTTClient(self.thing)
        self.client.configureEndpoint(self.settings["mqtt_host"], self.settings["mqtt_port"])
        self.client.configureCredentials(
            *(str(self.path(name)) for name in ("root_ca", "private_key", "certificate"))
        )
        self.client.configureConnectDisconnectTimeout(5)
        self.client.configureMQTTOperationTimeout(5)
        self.client.configureOfflinePublishQueueing(0)

    def path(self, setting: str) -> Path:
        """Return the file that a setting names."""
        return self.folder / str(self.settings[setting])

    def connect(self) -> Device:
        assert self.client.connect()
        return self

    def listen(self, topic: str) -> queue.Queue[bytes]:
        """Subscribe, and return where the messages arrive."""
        arrived: queue.Queue[bytes] = queue.Queue()
        self._arrived[topic] = arrived
        self.client.subscribe(
            topic, 1, lambda _client, _data, message: arrived.put(message.payload)
        )
        return arrived

    def listening(self, topic: str) -> queue.Queue[bytes]:
        """Return where this topic's messages arrive, subscribing on first use."""
        return self._arrived.get(topic) or self.listen(topic)

    def send(self, topic: str, payload: bytes | str) -> None:
        text = payload.decode() if isinstance(payload, bytes) else payload
        assert self.client.publish(topic, text, 1)

    def rate(self, *records: Feedback) -> Ack:
        """Send a batch and wait for its ack."""
        arrived = self.listening(topics.feedback_ack(self.thing))
        self.send(topics.feedback(self.thing), wire.encode(FeedbackBatch.of(*records)))
        return wire.decode(arrived.get(timeout=TIMEOUT_SECONDS), Ack)

    def verify(self, request: VerificationRequest) -> VerificationReply:
        """Send a request and wait for its reply."""
        arrived = self.listening(topics.verification_reply(self.thing))
        self.send(topics.verification(self.thing), wire.encode(request))
        return wire.decode(arrived.get(timeout=TIMEOUT_SECONDS), VerificationReply)

    def credentials(
        self, thing: str | None, alias: str | None = None, context: ssl.SSLContext | None = None
    ) -> tuple[int, bytes]:
        """Query the credentials provider; return its status and reply."""
        if context is None:
            context = ssl.create_default_context(cafile=str(self.path("root_ca")))
            context.load_cert_chain(self.path("certificate"), self.path("private_key"))
        url = (
            f"{self.settings['credentials_url']}/role-aliases/"
            f"{alias or self.settings['role_alias']}/credentials"
        )
        headers = {"x-amzn-iot-thingname": thing} if thing else {}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, headers=headers), context=context, timeout=10
            ) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def close(self) -> None:
        try:
            self.client.disconnect()
        except Exception:  # noqa: BLE001 - a client that never connected cannot disconnect
            pass
