"""Both stores and the topic in memory, and a fault at one call of one's choice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from data import topics, wire
from data.ids import new_id
from data.messages import Ack, Feedback, FeedbackBatch
from lambdas.store_feedback.ingest import Choose, Item, StoredItem, receive

THING = "Pi-1"


def record(**changes: Any) -> Feedback:
    fields: dict[str, Any] = {
        "id": new_id(),
        "thing": THING,
        "pick_id": new_id(),
        "title": "Amélie returns",
        "director": "Jean-Pierre Jeunet",
        "year": 2003,
        "genres": ("Comedy", "Romance"),
        "expected": 7.5,
        "stars": 8,
        "source": "owner",
        "model_version": 1,
        "model_hash": "0" * 64,
        "rated_at": "1970-01-01T00:00:12Z",
        "boot_id": "b",
    }
    return Feedback(**(fields | changes))


class Fault(Exception):
    """An error that a store or the network may raise."""


class ReadTimedOut(Fault):
    """The answer was lost."""


class Throttled(Fault):
    """Too many requests at once."""


class Conflict(Fault):
    """Two writers at once."""


class Refused(Fault):
    """Anything else."""


FAULTS = (ReadTimedOut, Throttled, Conflict, Refused)


def nothing_held_out(record: Feedback) -> bool:
    """Choose that every rating trains."""
    return False


@dataclass
class Cloud:
    """Both stores and the topic in memory, and a fault at one call of one's choice.

    `breaks_at` counts calls from zero; `after` lets the call take effect before it breaks.
    """

    items: dict[str, Item] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    acks: list[Ack] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    calls: int = 0
    breaks_at: int = -1
    after: bool = False
    fault: type[Fault] = Refused
    choose: Choose = nothing_held_out

    def put_new(self, item: Item) -> StoredItem | None:
        with self._call():
            key = str(item["pk"])
            if key in self.items:
                return StoredItem.of(self.items[key])
            self.items[key] = item
            self.writes.append(key)
            return None

    @property
    def bucket(self) -> _Bucket:
        return _Bucket(self)

    def publish(self, topic: str, payload: bytes) -> None:
        with self._call():
            assert topic == topics.feedback_ack(THING)
            self.acks.append(wire.decode(payload, Ack))

    def receive(self, *records: Feedback) -> None:
        payload = wire.encode(FeedbackBatch.of(*records))
        receive(THING, payload, self, self.bucket, self.publish, self.choose)

    def _call(self) -> _Call:
        self.calls += 1
        return _Call(self, self.calls - 1 == self.breaks_at)


@dataclass
class _Bucket:
    cloud: Cloud

    def put_new(self, key: str, content: bytes) -> None:
        with self.cloud._call():
            if key not in self.cloud.objects:
                self.cloud.objects[key] = content
                self.cloud.writes.append(key)


@dataclass
class _Call:
    cloud: Cloud
    breaks: bool

    def __enter__(self) -> None:
        if self.breaks and not self.cloud.after:
            raise self.cloud.fault

    def __exit__(self, *_: object) -> None:
        if self.breaks and self.cloud.after:
            raise self.cloud.fault
