"""A process that plays the cloud behind a plain MQTT broker: the real ingest, durable stores.

It may be killed at any instant, like a Lambda function. A file says how it should misbehave.

    python cloud_worker.py SETTINGS.json
"""

from __future__ import annotations

import json
import queue
import random
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

from cloud_sync.aws_iot import AwsIotBroker
from cloud_sync.mqtt import BrokerEndpoint, Connected, Dropped, MqttMessage, NotConnected
from data import topics, wire
from data.messages import VerificationReply, VerificationRequest
from lambdas.store_feedback.ingest import Item, StoredItem, receive

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (pk TEXT PRIMARY KEY, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS seen (outcome TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""


class Stores:
    """The table and the bucket, each write committed by itself, so that a kill leaves halves."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(_SCHEMA)

    def put_new(self, item: Item | str, content: bytes | None = None) -> StoredItem | None:
        """Put an item (a dict) or an object (key and content) that is new."""
        if isinstance(item, str):
            self._connection.execute("INSERT OR IGNORE INTO objects VALUES (?, ?)", (item, content))
            return None
        known = self._connection.execute(
            "SELECT sha256 FROM items WHERE pk = ?", (item["pk"],)
        ).fetchone()
        if known is not None:
            return StoredItem(str(known[0]))
        self._connection.execute("INSERT INTO items VALUES (?, ?)", (item["pk"], item["sha256"]))
        return None

    def count(self, outcomes: list[str]) -> None:
        """Count how often each outcome was sent."""
        for outcome in outcomes:
            self._connection.execute(
                "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1",
                (outcome,),
            )


class Worker:
    """Answers what arrives, well or badly as the mischief file says."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._mischief = Path(settings["mischief"])
        self._rng = random.Random(settings["seed"])
        self._stores = Stores(Path(settings["stores"]))
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        endpoint = BrokerEndpoint(
            "cloud",
            "localhost",
            settings["port"],
            Path(settings["ca"]),
            Path(settings["certificate"]),
            Path(settings["key"]),
            connect_timeout_seconds=2,
            keep_alive_seconds=5,
        )
        wanted = ("filmupdate/+", "filmrequest/+")
        self._broker = AwsIotBroker(endpoint, wanted, self._inbox.put)
        self._held: list[tuple[str, bytes]] = []

    def run(self) -> None:
        """Work until killed."""
        self._broker.connect()
        while True:
            event = self._inbox.get()
            if isinstance(event, Dropped):
                threading.Timer(0.05, self._broker.connect).start()
            elif isinstance(event, Connected):
                print("ready", flush=True)
            elif isinstance(event, MqttMessage):
                self._answer(event)

    def _answer(self, message: MqttMessage) -> None:
        mischief = json.loads(self._mischief.read_text() or "{}")
        if self._rng.random() < mischief.get("lose_message", 0):
            return
        kind, thing = message.topic.split("/")
        times = 2 if self._rng.random() < mischief.get("double_message", 0) else 1
        for _ in range(times):
            if kind == "filmupdate":
                outcomes = receive(
                    thing,
                    message.payload,
                    self._stores,
                    self._stores,
                    self._reply(mischief),
                    lambda record: False,
                )
                self._stores.count([one.outcome for one in outcomes])
            else:
                request = wire.decode(message.payload, VerificationRequest)
                scores = (6.5,) * len(request.rows)
                # Of another model, as after a release: nothing to compare, but an answer.
                reply = VerificationReply(request.request_id, "0" * 64, scores)
                self._reply(mischief)(topics.verification_reply(thing), wire.encode(reply))

    def _reply(self, mischief: dict[str, float]) -> Any:
        def publish(topic: str, payload: bytes) -> None:
            if self._rng.random() < mischief.get("lose_ack", 0):
                return
            time.sleep(mischief.get("delay", 0))
            self._held.append((topic, payload))
            if self._rng.random() < mischief.get("hold_ack", 0):
                return
            times = 2 if self._rng.random() < mischief.get("double_ack", 0) else 1
            # Held ones leave after younger ones: out of order.
            for held in reversed(self._held):
                for _ in range(times):
                    try:
                        self._broker.publish(*held)
                    except NotConnected:
                        pass
            self._held.clear()

        return publish


if __name__ == "__main__":
    Worker(json.loads(Path(sys.argv[1]).read_text())).run()
