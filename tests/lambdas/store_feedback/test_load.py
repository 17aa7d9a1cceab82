"""Two thousand ratings through broker, rule, function and both stores."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from data import topics, wire
from data.messages import Ack, FeedbackBatch
from local_cloud.control import send
from local_cloud.state import LocalState

from ..device import Device, feedback, object_of

RATINGS = 2_000
# Far above what is measured (about 250 MB with everything), far below a leak.
MOST_MEGABYTES = 700
RESEND_SECONDS = 30.0


@pytest.mark.slow
def test_two_thousand_ratings_arrive_none_is_lost_and_memory_stays_bounded(
    local_cloud: Any,
    devices: Callable[[], Device],
    record_property: Callable[[str, object], None],
) -> None:
    device = devices().connect()
    acks = device.listen(topics.feedback_ack(device.thing))
    records = [feedback(device.thing, stars=1 + n % 10) for n in range(RATINGS)]
    emulator = psutil.Process(
        int(send(LocalState(local_cloud.folder), "status")["emulator"].split()[1])
    )
    begun, peak, sent = time.monotonic(), 0.0, 0
    outcomes: dict[str, str] = {}
    for start in range(0, RATINGS, 200):
        batch = wire.encode(FeedbackBatch.of(*records[start : start + 200]))
        expected = {record.id for record in records[start : start + 200]}
        # As the device does it: one batch in flight, sent again until the application's ack.
        while not expected <= outcomes.keys():
            device.send(topics.feedback(device.thing), batch)
            sent += 1
            try:
                ack = wire.decode(acks.get(timeout=RESEND_SECONDS), Ack)
            except queue.Empty:
                continue
            outcomes |= {outcome.id: outcome.outcome for outcome in ack.outcomes}
        peak = max(peak, megabytes(emulator))
    seconds = time.monotonic() - begun

    assert set(outcomes.values()) <= {"stored", "duplicate"}
    stored = set()
    local = local_cloud.aws.local
    pages = local_cloud.aws.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=local.table, ProjectionExpression="pk"):
        stored |= {item["pk"]["S"] for item in page["Items"]}
    objects = set()
    listing = local_cloud.aws.client("s3").get_paginator("list_objects_v2")
    held_out = object_of(local_cloud.aws, records[0]).startswith(topics.HELD_OUT_PREFIX)
    prefix = topics.HELD_OUT_PREFIX if held_out else topics.FEEDBACK_PREFIX
    for page in listing.paginate(Bucket=local.data_bucket, Prefix=prefix):
        objects |= {found["Key"] for found in page.get("Contents", [])}
    assert {topics.feedback_key(record.id) for record in records} <= stored
    # All are of one combination, and so on one side.
    keys = {topics.feedback_object(record.id, held_out=held_out) for record in records}
    assert keys <= objects
    assert peak < MOST_MEGABYTES
    figures = {
        "seconds": round(seconds, 1),
        "a second": round(RATINGS / seconds),
        "batches sent": sent,
        "peak megabytes": round(peak),
    }
    record_property("load", figures)
    print(figures)


def megabytes(process: psutil.Process) -> float:
    """Return the memory of the emulator and its functions."""
    family = [process, *process.children(recursive=True)]
    return sum(one.memory_info().rss for one in family) / 1e6
