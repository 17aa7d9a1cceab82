"""Feedback into both stores, effectively once. Pure: the stores are handed in.

Every call may fail and every message may come again, in any order. The table decides, by the
record's id, which record came first; the object is then always put, so that a resend repairs
whatever a crash left out; and only what both stores hold is told to the device.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec

from data import topics, wire
from data.errors import InvalidRecord
from data.films import genre_slots
from data.messages import Ack, Feedback, FeedbackBatch, FeedbackOutcome

Item: TypeAlias = dict[str, str | int | float]
# Takes a topic and a message.
Publish: TypeAlias = Callable[[str, bytes], object]

_MAX_REASON = 200
_MAX_ID = 100


class Unstorable(Exception):
    """The table will never take this item, however often it is put."""


class Table(Protocol):
    """The film table."""

    def put_new(self, item: Item) -> str | None:
        """Put an item whose `pk` is new.

        Returns:
            None when it was put; otherwise the `sha256` of the item that was there before, which
            is left as it is.

        Raises:
            Unstorable: the item itself is at fault.
        """


class Objects(Protocol):
    """The data bucket."""

    def put_new(self, key: str, content: bytes) -> None:
        """Put an object, or leave the one that this key already has."""


# Looked up once: msgspec evaluates every annotation anew each time it is asked.
_FIELDS = msgspec.structs.fields(Feedback)


def canonical(record: Feedback) -> bytes:
    """Return the record in the one form in which it is hashed and kept.

    Fields that say no more than their default are left out: a later version's new field, not
    given, changes nothing, so that a resend across an update still counts as the same record.
    """
    fields = {
        field.encode_name: getattr(record, field.name)
        for field in _FIELDS
        if field.name == "schema_version" or getattr(record, field.name) != field.default
    }
    return msgspec.json.encode(fields, order="sorted")


def item_of(record: Feedback, sha256: str) -> Item:
    """Return the table's item: the historical attribute names, and where the record came from."""
    genre1, genre2, genre3 = genre_slots(record.genres)
    item: Item = {
        "pk": topics.feedback_key(record.id),
        "title": record.title,
        "year": record.year,
        "Director1": record.director,
        "Genre1": genre1,
        "Genre2": genre2,
        "Genre3": genre3,
        "stars": record.stars,
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
    }
    if record.rating is not None:
        item["rating"] = record.rating
    return item


def receive(
    thing: str, payload: bytes, table: Table, objects: Objects, publish: Publish
) -> tuple[FeedbackOutcome, ...]:
    """Store a batch, then ack it: all that the function does with a message.

    Raises:
        InvalidRecord: as ingest does; nothing has been changed and nobody can be told.
        Exception: whatever a store or the publisher raises; the message is to come again.
    """
    outcomes = ingest(thing, payload, table, objects)
    publish(topics.feedback_ack(thing), wire.encode(Ack(outcomes)))
    return outcomes


def ingest(
    thing: str, payload: bytes, table: Table, objects: Objects
) -> tuple[FeedbackOutcome, ...]:
    """Store a batch of feedback and return the outcome of each record that has an id.

    Args:
        thing: the topic's thing; a record of another thing is rejected.
        payload: the message.
        table: where the item goes first.
        objects: where the record goes then.

    Raises:
        InvalidRecord: the message is no batch; there is no id to answer to.
        Exception: whatever a store raises; the message is to be handed in again.
    """
    outcomes: dict[str, FeedbackOutcome] = {}
    for raw in map(bytes, FeedbackBatch.read(payload).records):
        record_id = _id_of(raw)
        if record_id is None or record_id in outcomes:
            continue
        outcomes[record_id] = _store(record_id, thing, raw, table, objects)
    if not outcomes:
        raise InvalidRecord("records", "hold no id that could be answered to")
    return tuple(outcomes.values())


def _id_of(raw: bytes) -> str | None:
    """Return the id under which this record can be answered to, or None if there is none."""
    try:
        record = json.loads(raw)
        record_id = record["id"]
        # What isn't text, or Unicode, or longer than any id cannot be sent back.
        return record_id if len(record_id.encode()) <= _MAX_ID else None
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None


def _store(
    record_id: str, thing: str, raw: bytes, table: Table, objects: Objects
) -> FeedbackOutcome:
    try:
        record = _checked(thing, raw)
        kept = canonical(record)
        sha256 = hashlib.sha256(kept).hexdigest()
        before = table.put_new(item_of(record, sha256))
    except (InvalidRecord, Unstorable) as error:
        return FeedbackOutcome(record_id, "rejected", str(error)[:_MAX_REASON])
    if before not in (None, sha256):
        return FeedbackOutcome(
            record_id, "rejected", "id: another record with this id was stored before"
        )
    # Also after a duplicate: a crash may have come between the item and the object.
    objects.put_new(topics.feedback_object(record.id), kept)
    return FeedbackOutcome(record_id, "stored" if before is None else "duplicate")


def _checked(thing: str, raw: bytes) -> Feedback:
    record = wire.decode(raw, Feedback)
    if record.thing != thing:
        raise InvalidRecord("thing", f"is not {thing!r}, whose topic this is")
    return record


def counts(outcomes: tuple[FeedbackOutcome, ...]) -> dict[str, int]:
    """Return how many records were stored, were duplicates, were rejected."""
    numbers = {"stored": 0, "duplicate": 0, "rejected": 0}
    for outcome in outcomes:
        numbers[outcome.outcome] += 1
    return numbers
