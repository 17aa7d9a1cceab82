"""Stores feedback in both stores, effectively once. Pure: the stores are passed in.

Every call may fail and every message may be repeated, in any order. The table decides by id which
record came first, and keeps whether it is held out, so a resend uses the same prefix. The object is
always put, so a resend repairs whatever a crash interrupted. Only what both stores hold is
acknowledged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

import msgspec

from data import topics, wire
from data.errors import InvalidRecord
from data.films import genre_slots
from data.messages import FEEDBACK_VERSION, Ack, Feedback, FeedbackBatch, FeedbackOutcome

Item: TypeAlias = dict[str, str | int | float]
# Takes a topic and a message.
Publish: TypeAlias = Callable[[str, bytes], object]
# Says whether a new rating is held out.
Choose: TypeAlias = Callable[[Feedback], bool]

_MAX_REASON = 200
_MAX_ID = 100


class Unstorable(Exception):
    """The table can never take this item."""


class StoredItem(NamedTuple):
    """What decides about a resend: the hash of the record, and whether it is held out."""

    sha256: str
    held_out: bool = False

    @classmethod
    def of(cls, item: Item) -> StoredItem:
        """Return an item's; one from before ratings were held out by a key has no choice."""
        return cls(str(item["sha256"]), bool(item.get("held_out", False)))


class Table(Protocol):
    """The film table."""

    def put_new(self, item: Item) -> StoredItem | None:
        """Put an item, unless its `pk` exists.

        Returns:
            None if it was put; otherwise the existing item, which stays as it is, read
            consistently.

        Raises:
            Unstorable: the item itself is invalid.
        """


class Objects(Protocol):
    """The data bucket."""

    def put_new(self, key: str, content: bytes) -> None:
        """Put an object, unless the key exists."""


# Looked up once: msgspec evaluates every annotation again on each call.
_FIELDS = msgspec.structs.fields(Feedback)


def canonical(record: Feedback) -> bytes:
    """Return the record in the canonical form that is hashed and stored.

    Fields that have their default are left out. So a field that a later version adds changes
    nothing unless it is given, and a resend across an update still counts as the same record.
    """
    fields = {
        field.encode_name: getattr(record, field.name)
        for field in _FIELDS
        if field.name == "schema_version" or getattr(record, field.name) != field.default
    }
    return msgspec.json.encode(fields, order="sorted")


def item_of(record: Feedback, sha256: str, *, held_out: bool) -> Item:
    """Return the table's item: the historical attribute names, and the record's origin."""
    genre1, genre2, genre3 = genre_slots(record.genres)
    item: Item = {
        "pk": topics.feedback_key(record.id),
        "title": record.title,
        "year": record.year,
        "Director1": record.director,
        "Genre1": genre1,
        "Genre2": genre2,
        "Genre3": genre3,
        "id": record.id,
        "thing": record.thing,
        "pick_id": record.pick_id,
        "expected": record.expected,
        "source": record.source,
        "model_version": record.model_version,
        "model_hash": record.model_hash,
        "rated_at": record.rated_at,
        "boot_id": record.boot_id,
        "sha256": sha256,
        "held_out": held_out,
    }
    if record.stars is not None:
        item["stars"] = record.stars
    if record.rating is not None:
        item["rating"] = record.rating
    return item | _since_version_2(record)


def _since_version_2(record: Feedback) -> Item:
    """Return the attributes of the fields that version 1 lacks, as far as they are given."""
    item: Item = {}
    for name in ("policy", "propensity", "explored", "domain", "outcome", "replaces", "stack"):
        if (value := getattr(record, name)) is not msgspec.UNSET:
            item[name] = value
    if record.slate is not msgspec.UNSET:
        item["slate"] = msgspec.json.encode(record.slate).decode()
    if record.sequence is not msgspec.UNSET:
        item["journal"] = record.sequence.journal
        item["number"] = record.sequence.number
    return item


def receive(
    thing: str, payload: bytes, table: Table, objects: Objects, publish: Publish, choose: Choose
) -> tuple[FeedbackOutcome, ...]:
    """Store a batch, then publish its ack: everything the function does with a message.

    Raises:
        InvalidRecord: as ingest does; nothing has been changed and no ack can be sent.
        Exception: whatever a store or the publisher raises; the message should be retried.
    """
    outcomes = ingest(thing, payload, table, objects, choose)
    publish(topics.feedback_ack(thing), wire.encode(Ack(outcomes, reads=FEEDBACK_VERSION)))
    return outcomes


def ingest(
    thing: str, payload: bytes, table: Table, objects: Objects, choose: Choose
) -> tuple[FeedbackOutcome, ...]:
    """Store a batch of feedback and return the outcome of each record that has an id.

    Args:
        thing: the topic's thing; records of another thing are rejected.
        payload: the message.
        table: takes the item first.
        objects: takes the record next.
        choose: says whether a rating is held out, if it is new.

    Raises:
        InvalidRecord: the message isn't a batch, or has no id to acknowledge.
        Exception: whatever a store raises; the message should be retried.
    """
    outcomes: dict[str, FeedbackOutcome] = {}
    for raw in map(bytes, FeedbackBatch.read(payload).records):
        record_id = _id_of(raw)
        if record_id is None or record_id in outcomes:
            continue
        outcomes[record_id] = _store(record_id, thing, raw, table, objects, choose)
    if not outcomes:
        raise InvalidRecord("records", "holds no id that could be acknowledged")
    return tuple(outcomes.values())


def _id_of(raw: bytes) -> str | None:
    """Return the id under which this record can be acknowledged, or None."""
    try:
        record = json.loads(raw)
        record_id = record["id"]
        # What isn't Unicode text, or is longer than any id, can't be sent back.
        return record_id if len(record_id.encode()) <= _MAX_ID else None
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None


def _store(
    record_id: str, thing: str, raw: bytes, table: Table, objects: Objects, choose: Choose
) -> FeedbackOutcome:
    try:
        record = _checked(thing, raw)
        kept = canonical(record)
        new = StoredItem(hashlib.sha256(kept).hexdigest(), choose(record))
        before = table.put_new(item_of(record, new.sha256, held_out=new.held_out))
    except (InvalidRecord, Unstorable) as error:
        return FeedbackOutcome(record_id, "rejected", str(error)[:_MAX_REASON])
    stored = before or new
    if stored.sha256 != new.sha256:
        return FeedbackOutcome(
            record_id, "rejected", "a different record with this id was stored before"
        )
    # Also after a duplicate: a crash may have happened between the item and the object.
    objects.put_new(topics.feedback_object(record.id, held_out=stored.held_out), kept)
    return FeedbackOutcome(record_id, "stored" if before is None else "duplicate")


def _checked(thing: str, raw: bytes) -> Feedback:
    record = wire.decode(raw, Feedback)
    if record.thing != thing:
        raise InvalidRecord("thing", f"isn't {thing!r}, which the topic belongs to")
    return record


def counts(outcomes: tuple[FeedbackOutcome, ...]) -> dict[str, int]:
    """Return how many records were stored, were duplicates, were rejected."""
    numbers = {"stored": 0, "duplicate": 0, "rejected": 0}
    for outcome in outcomes:
        numbers[outcome.outcome] += 1
    return numbers
