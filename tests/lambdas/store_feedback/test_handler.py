"""store_feedback as AWS runs it: a clean interpreter, recorded events, and hostile ones."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from data import limits, topics, wire
from data.messages import Ack, FeedbackBatch

from ..device import Device, feedback
from ..rule_events import THING, batch_of, event_of
from ..runtime import RunningFunction


def outcomes(packaged: Device, running: RunningFunction, event: Any) -> dict[str, str]:
    """Call the function and return the ack's outcomes."""
    acks = packaged.listening(topics.feedback_ack(THING))
    assert running.call(event).kind == "response"
    ack = wire.decode(acks.get(timeout=30), Ack)
    return {outcome.id: outcome.outcome for outcome in ack.outcomes}


def test_a_recorded_batch_is_stored_acked_and_counted(
    packaged: Device, store_feedback: RunningFunction
) -> None:
    one, two = feedback(THING), feedback(THING, rating=8.4)
    event = event_of(wire.encode(FeedbackBatch.of(one, two)))
    assert set(outcomes(packaged, store_feedback, event).values()) == {"stored"}
    assert set(outcomes(packaged, store_feedback, event).values()) == {"duplicate"}
    lines = [json.loads(line) for line in store_feedback.said().splitlines() if line[:1] == "{"]
    logged = next(line for line in lines if line.get("message") == "batch acked")
    assert (logged["thing"], logged["stored"], logged["service"]) == (THING, 2, "store_feedback")
    counted = next(line for line in lines if "_aws" in line)
    assert counted["StoredRecords"] == [2.0]
    assert counted["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Greenlight"


BIG = "x" * 50_000
HOSTILE_RECORDS: dict[str, dict[str, Any]] = {
    "stars as text": {"stars": "8"},
    "stars as a fraction": {"stars": 7.5},
    "stars zero": {"stars": 0},
    "stars eleven": {"stars": 11},
    "stars true": {"stars": True},
    "stars beyond every integer": {"stars": 10**30},
    "year as text": {"year": "2001"},
    "year null": {"year": None},
    "genres a text": {"genres": "Drama"},
    "genres empty": {"genres": []},
    "four genres": {"genres": ["A", "B", "C", "D"]},
    "a genre twice": {"genres": ["Drama", "Drama"]},
    "genres out of order": {"genres": ["Romance", "Drama"]},
    "a genre that is a number": {"genres": [1]},
    "the empty slot as a genre": {"genres": ["None"]},
    "expected NaN as text": {"expected": "NaN"},
    "expected too large for the table": {"expected": 1e300},
    "title empty": {"title": ""},
    "title with a zero byte": {"title": "a\x00b"},
    "title with a line break": {"title": "a\nb"},
    "title with half a surrogate": {"title": "a\ud800b"},
    "title not composed": {"title": "Ame\u0301lie"},
    "title with outer spaces": {"title": " a "},
    "title huge": {"title": BIG},
    "director an object": {"director": {"S": "x"}},
    "source unknown": {"source": "hacker"},
    "model hash short": {"model_hash": "abc"},
    "model hash in capitals": {"model_hash": "AB" * 32},
    "another thing's record": {"thing": "somebody-else"},
    "a thing with a slash": {"thing": "packaged/ack"},
    "a later schema": {"schema_version": 3},
    "pick id no UUID": {"pick_id": "1"},
    "rating eleven": {"rating": 11.5},
    "rated at without end": {"rated_at": BIG},
    "rated at with a line break": {"rated_at": "2027-01-01\nERROR forged"},
    "a boot without end": {"boot_id": BIG},
    "a boot that moves the cursor": {"boot_id": "\x1b[2J"},
    "model version negative": {"model_version": -1},
}


@pytest.mark.parametrize("name", HOSTILE_RECORDS)
def test_a_hostile_record_is_rejected_and_its_neighbour_stored(
    name: str, packaged: Device, store_feedback: RunningFunction
) -> None:
    good, bad = feedback(THING), feedback(THING)
    spoken = msgspec.to_builtins(bad) | HOSTILE_RECORDS[name]
    event = event_of(batch_of(spoken, good))
    assert outcomes(packaged, store_feedback, event) == {bad.id: "rejected", good.id: "stored"}


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_has_not_spoil_their_own_record_only(
    text: str, packaged: Device, store_feedback: RunningFunction
) -> None:
    good, bad = feedback(THING), feedback(THING, expected=7.125)
    payload = batch_of(bad, good).replace("7.125", text)
    said = outcomes(packaged, store_feedback, event_of(payload))
    assert said == {bad.id: "rejected", good.id: "stored"}


@pytest.mark.parametrize(
    "record_id",
    ["", "../../models/films/1/manifest.json", "FEEDBACK#x", "1" * 90, "X" * 36, "\u202e" * 20],
)
def test_an_id_that_is_not_a_uuid_reaches_no_key(
    record_id: str, packaged: Device, store_feedback: RunningFunction, local_cloud: Any
) -> None:
    def keys() -> set[str]:
        pages = local_cloud.aws.client("s3").get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=local_cloud.aws.local.data_bucket)
        return {found["Key"] for page in listed for found in page.get("Contents", [])}

    before = keys()
    spoken = msgspec.to_builtins(feedback(THING)) | {"id": record_id}
    assert outcomes(packaged, store_feedback, event_of(batch_of(spoken))) == {record_id: "rejected"}
    assert keys() == before


HOSTILE_MESSAGES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "two values": b"{} {}",
    "a text": b'"records"',
    "null": b"null",
    "a number": b"1e400",
    "no records": b'{"schema_version": 1}',
    "records null": b'{"records": null}',
    "no record": b'{"records": []}',
    "records without ids": b'{"records": [{}, [], 1, null, "x"]}',
    "ids of other types": b'{"records": [{"id": 1}, {"id": null}, {"id": ["x"]}]}',
    "an id without end": b'{"records": [{"id": "' + b"1" * 5000 + b'"}]}',
    "too many records": json.dumps(
        {"records": [{"id": str(n)} for n in range(limits.MAX_BATCH_RECORDS + 1)]}
    ).encode(),
    "a later schema": b'{"records": [{"id": "x"}], "schema_version": 7}',
    "over the limit": b" " * (limits.MAX_PAYLOAD_BYTES + 1),
    "deeply nested": b'{"records":' + b"[" * 20_000,
    "not UTF-8": b'{"records": [{"id": "\xff\xfe"}]}',
    "UTF-16": '{"records": []}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"records": []}',
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("name", HOSTILE_MESSAGES)
def test_a_hostile_message_is_refused_without_another_try(
    name: str, store_feedback: RunningFunction
) -> None:
    result = store_feedback.call(event_of(HOSTILE_MESSAGES[name]))
    assert result.kind == "response", "an error would make AWS hand it in again"
    assert "refused" in result.content
    assert store_feedback.is_running


HOSTILE_EVENTS: dict[str, Any] = {
    "null": None,
    "a list": [],
    "a text": "x",
    "empty": {},
    "no thing": {"payload": ""},
    "no payload": {"thing": THING},
    "a thing that is a number": {"payload": "", "thing": 1},
    "a thing with a wildcard": {"payload": "", "thing": "+"},
    "a thing with a slash": {"payload": "", "thing": "a/b"},
    "a thing without end": {"payload": "", "thing": "a" * 129},
    "payload no base64": {"payload": "%%%", "thing": THING},
    "payload an object": {"payload": {"records": []}, "thing": THING},
    "payload not ASCII": {"payload": "\u00e4\u00f6", "thing": THING},
    "another service's event": {"Records": [{"s3": {}}]},
}


@pytest.mark.parametrize("name", HOSTILE_EVENTS)
def test_an_event_that_no_rule_made_is_refused(
    name: str, store_feedback: RunningFunction, predict: RunningFunction
) -> None:
    for function in (store_feedback, predict):
        result = function.call(HOSTILE_EVENTS[name])
        assert result.kind == "response"
        assert "refused" in result.content


def test_an_event_that_is_not_json_is_an_error_and_the_next_is_served(
    packaged: Device, store_feedback: RunningFunction
) -> None:
    assert store_feedback.call_raw(b"{").kind == "error"
    one = feedback(THING)
    assert outcomes(packaged, store_feedback, event_of(batch_of(one))) == {one.id: "stored"}


def test_replayed_and_out_of_order_batches_store_each_record_once(
    packaged: Device, store_feedback: RunningFunction
) -> None:
    records = [feedback(THING) for _ in range(4)]
    batches = [event_of(batch_of(*records[start : start + 2])) for start in (0, 1, 2)]
    stored: list[str] = []
    for event in (batches[2], batches[0], batches[2], batches[1], batches[0]):
        said = outcomes(packaged, store_feedback, event)
        stored += [name for name, outcome in said.items() if outcome == "stored"]
    assert sorted(stored) == sorted(record.id for record in records)


def test_unicode_that_looks_alike_stays_apart_and_arrives_as_sent(
    packaged: Device, store_feedback: RunningFunction, local_cloud: Any
) -> None:
    titles = ("Cape", "\u0421\u0430\u0440\u0435", "\U0001f3ac \u202eevil\u202c \u200bx")
    latin, cyrillic, emoji = (feedback(THING, title=title) for title in titles)
    said = outcomes(packaged, store_feedback, event_of(batch_of(latin, cyrillic, emoji)))
    assert said[latin.id] == said[cyrillic.id] == "stored"
    for one in (latin, cyrillic, emoji):
        if said[one.id] != "stored":
            continue
        item = local_cloud.aws.client("dynamodb").get_item(
            TableName=local_cloud.aws.local.table,
            Key={"pk": {"S": topics.feedback_key(one.id)}},
        )["Item"]
        assert item["title"]["S"] == one.title
