"""Sends hostile messages to a live session, and judges its reactions."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import msgspec
from rig.records import BUCKET, HASH, THING, feedback
from rig.simulation import SETTINGS

from cloud_sync import events as ev
from cloud_sync.feedback import Acknowledge, Quarantine, ReadOutbox
from cloud_sync.mqtt import Connected, Dropped, MqttMessage, check_publish
from cloud_sync.rate_limit import Publish
from cloud_sync.report import SendReport, Stock, TakeStock
from cloud_sync.session import Session
from cloud_sync.update_run import Discard, Fetch, Offer
from cloud_sync.verification import FinishVerification
from data import topics, wire
from data.films import Combination
from data.ids import new_id
from data.messages import ModelUpdateJob, VerificationRequest
from edge.journal import OutboxRow, Request

_JOBS = topics.jobs(THING)
_MOST_COMMANDS = 64
# Stands for the token of the list that the session waits for.
_TOKEN = "the token asked with"
_ALLOWED = (
    topics.feedback(THING),
    topics.verification(THING),
    topics.shadow_update(THING),
    f"{_JOBS}/",
)
_SCALARS = (
    "null", "true", "-1", "0", "1e999", "18446744073709551616", '""', '"\\ud800"', '"../../etc"',
    "[]", "{}", "[[[[]]]]", '"' + "x" * 300 + '"', '"stored"', '"SUCCEEDED"', "NaN", "3.5",
)  # fmt: skip


class Target:
    """A session that is online, with a batch and a verification in flight and a job pending."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._now = 0.0
        self._count = 0
        self.records = [feedback(number) for number in range(20)]
        self._rows = [
            OutboxRow(number + 1, one.id, one.rated_at, wire.encode(one))
            for number, one in enumerate(self.records)
        ]
        self.request = VerificationRequest(
            new_id(), HASH, (Combination("Ann Bee", 2020, ("Drama",)),)
        )
        self._request = Request(
            1, self.request.request_id, "verify", wire.encode(self.request), (6.5,)
        )
        self.session = Session(SETTINGS, random.Random(seed), 0.0)
        self._token = ""
        self.actions = 0
        self.ignored = 0
        self._go_online()

    def _go_online(self) -> None:
        for event in (ev.Tick(), Connected(), ev.JournalChanged()):
            self._now += 1
            self._handle(event)

    def feed(self, message: MqttMessage) -> None:
        """Hand in one message and judge what follows."""
        self._count += 1
        self._now += 0.05
        payload = message.payload.replace(_TOKEN.encode(), self._token.encode())
        message = MqttMessage(message.topic, payload)
        commands = self._handle(message)
        self._judge(message, commands)
        if self._count % 20 == 0:
            self._handle(ev.Tick())
        if self._count % 5_000 == 0:
            self._handle(Dropped("the connection was lost"))
            self._now += 400
            self._go_online()

    def _handle(self, event: ev.Event) -> list[ev.Command]:
        done: list[ev.Command] = []
        waiting: list[ev.Event] = [event]
        while waiting:
            for command in self.session.handle(waiting.pop(0), self._now):
                done.append(command)
                match command:
                    case Publish(topic, payload) if topic == f"{_JOBS}/get":
                        self._token = msgspec.json.decode(payload)["clientToken"]
                    case ReadOutbox():
                        waiting.append(ev.OutboxRead(self._rows[: command.limit]))
                    case ev.ReadRequests():
                        waiting.append(ev.RequestsRead([self._request]))
                    case TakeStock():
                        waiting.append(Stock(20, 0, 1.0, 10**9, 100.0, None))
            assert len(done) <= _MOST_COMMANDS, "one message makes too much work"
        return done

    def _judge(self, message: MqttMessage, commands: Sequence[ev.Command]) -> None:
        known = {record.id for record in self.records}
        for command in commands:
            match command:
                case Acknowledge():
                    assert set(command.ids) <= known, "an id that was never sent is forgotten"
                    assert message.topic == topics.feedback_ack(THING)
                    self.actions += 1
                case Quarantine():
                    assert command.id in known
                    self.actions += 1
                case FinishVerification():
                    assert command.seq == 1
                    assert message.topic == topics.verification_reply(THING)
                    self.actions += 1
                case Fetch():
                    command.job.document.check()
                    assert command.job.document.bucket == BUCKET
                    self.actions += 1
                case Offer():
                    raise AssertionError("nothing was fetched, nothing may be offered")
                case Publish():
                    check_publish(command.topic, command.payload)
                    assert command.topic.startswith(_ALLOWED), command.topic
                case ev.MessageIgnored():
                    self.ignored += 1
                case Discard() | SendReport():
                    pass
        if not _is_object(message.payload) and not message.topic.endswith(
            ("notify", "notify-next")
        ):
            acted = [c for c in commands if not isinstance(c, ev.MessageIgnored | Publish)]
            assert not acted, f"acted on no message at all: {acted}"

    def size(self) -> int:
        """Return how much the session remembers, in bytes of its pickled parts."""
        return len(repr(_state(self.session)))


def _state(value: object, depth: int = 6) -> object:
    if isinstance(value, dict):
        return {str(key): _state(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_state(one, depth - 1) for one in value]
    if depth and hasattr(value, "__dict__"):
        return _state(vars(value), depth - 1)
    return value if isinstance(value, str | bytes | int | float | None) else type(value).__name__


def _is_object(payload: bytes) -> bool:
    try:
        return isinstance(json.loads(payload), dict)
    except (ValueError, RecursionError):
        return False


def templates(target: Target) -> list[MqttMessage]:
    """Return well-formed messages of every kind, to corrupt."""
    ids = [record.id for record in target.records]
    document = ModelUpdateJob("model-update", 7, BUCKET, "models/films/7/", HASH)
    execution = {"jobId": "j1", "executionNumber": 1, "jobDocument": msgspec.to_builtins(document)}
    outcomes = [{"id": one, "outcome": "stored"} for one in ids]
    outcomes[3] = {"id": ids[3], "outcome": "rejected", "reason": "no"}
    shapes: dict[str, object] = {
        topics.feedback_ack(THING): {"outcomes": outcomes, "schema_version": 1},
        topics.verification_reply(THING): {
            "request_id": target.request.request_id,
            "model_hash": HASH,
            "scores": [6.5],
            "schema_version": 1,
        },
        f"{_JOBS}/notify": {"timestamp": 1, "jobs": {"QUEUED": [{"jobId": "j1"}]}},
        f"{_JOBS}/notify-next": {"execution": execution},
        f"{_JOBS}/get/accepted": {
            "clientToken": _TOKEN,
            "inProgressJobs": [],
            "queuedJobs": [{"jobId": "j1", "executionNumber": 1}, {"jobId": "j2"}],
        },
        f"{_JOBS}/j1/get/accepted": {"execution": execution},
        f"{_JOBS}/j2/get/accepted": {"execution": {"jobId": "j2", "jobDocument": {"op": "x"}}},
        f"{_JOBS}/j1/update/accepted": {"clientToken": "conclusion"},
        f"{_JOBS}/j1/update/rejected": {
            "clientToken": "progress",
            "code": "InvalidStateTransition",
        },
        f"{topics.shadow_update(THING)}/rejected": {"code": 400},
    }
    return [MqttMessage(topic, msgspec.json.encode(shape)) for topic, shape in shapes.items()]


def spoil(message: MqttMessage, rng: random.Random) -> MqttMessage:
    """Return the message changed in one of many ways, rarely unchanged."""
    topic, payload = message.topic, message.payload
    kind = rng.randrange(10)
    if kind == 0:
        payload = rng.randbytes(rng.randrange(200))
    elif kind == 1 and payload:
        spoilt = bytearray(payload)
        for _ in range(rng.randint(1, 8)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        payload = bytes(spoilt)
    elif kind == 2:
        payload = payload[: rng.randrange(len(payload) + 1)]
    elif kind <= 5:
        payload = _replace_value(payload, rng)
    elif kind == 6:
        topic = _spoil_topic(topic, rng)
    elif kind == 7:
        payload = rng.choice([b"[" * 5_000, b'{"a":' * 3_000, b'"' + b"x" * 150_000 + b'"', b""])
    elif kind == 8:
        payload = rng.choice(_SCALARS).encode()
    return MqttMessage(topic, payload)


def _replace_value(payload: bytes, rng: random.Random) -> bytes:
    value = json.loads(payload)
    here: object = value
    for _ in range(rng.randint(1, 4)):
        if isinstance(here, dict) and here:
            key: object = rng.choice(list(here))
        elif isinstance(here, list) and here:
            key = rng.randrange(len(here))
        else:
            break
        deeper = here[key]  # type: ignore[index]
        if rng.random() < 0.4 or not isinstance(deeper, dict | list):
            here[key] = "@@"  # type: ignore[index]
            break
        here = deeper
    return json.dumps(value).replace('"@@"', rng.choice(_SCALARS)).encode("utf-8", "replace")


def _spoil_topic(topic: str, rng: random.Random) -> str:
    parts = topic.split("/")
    at = rng.randrange(len(parts))
    parts[at] = rng.choice(["", "+", "#", "..", "accepted", "x" * 300, "j9", "\x00", "é", "get"])
    return "/".join(parts)
