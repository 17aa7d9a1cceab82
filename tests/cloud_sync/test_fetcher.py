"""The fetching thread: alive while it works, and noticed when it hangs."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from rig.records import BUCKET, HASH

from cloud_sync.downloader import Checkpoint, Stopped
from cloud_sync.events import Event
from cloud_sync.fetcher import Fetcher
from cloud_sync.update import Fetched, FetchFailed, Job
from data.messages import ModelUpdateJob

JOB = Job("j1", ModelUpdateJob("model-update", 3, BUCKET, "models/films/3/", HASH))
TIMEOUT_SECONDS = 1.0


class SlowDownloader:
    """Fetches as the test says."""

    def __init__(self) -> None:
        self.course: Callable[[Checkpoint], None] = lambda checkpoint: None
        self.begun = threading.Event()

    def fetch(self, job: Job, checkpoint: Checkpoint) -> Fetched | FetchFailed:
        self.begun.set()
        try:
            self.course(checkpoint)
        except Stopped as error:
            return FetchFailed(job.id, str(error))
        return Fetched(job.id, "3")

    def discard(self, version: int) -> None:
        raise OSError("busy")


class Bench:
    def __init__(self) -> None:
        self.downloader = SlowDownloader()
        self.inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        # It has what a fetcher calls, and nothing else.
        self.fetcher = Fetcher(self.downloader, self.inbox.put, TIMEOUT_SECONDS)  # type: ignore[arg-type]

    def begin(self, course: Callable[[Checkpoint], None]) -> None:
        self.downloader.course = course
        self.fetcher.start(JOB)
        assert self.downloader.begun.wait(60)

    def stale_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.fetcher.is_fresh():
                return True
            time.sleep(0.01)
        return False


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.fetcher.close(5)


def test_a_download_is_fresh_while_it_progresses_however_long_it_takes(bench: Bench) -> None:
    go_on = threading.Event()

    def slow_but_alive(checkpoint: Checkpoint) -> None:
        while not go_on.wait(0.01):
            checkpoint()

    bench.begin(slow_but_alive)
    assert not bench.stale_within(1.5 * TIMEOUT_SECONDS)
    go_on.set()
    assert bench.inbox.get(timeout=60) == Fetched("j1", "3")
    assert not bench.stale_within(1.5 * TIMEOUT_SECONDS)


def test_a_download_that_hangs_is_noticed_and_reported_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    hangs = threading.Event()
    bench.begin(lambda checkpoint: hangs.wait(30) and None)
    assert bench.stale_within(60)
    with caplog.at_level(logging.ERROR):
        assert not bench.fetcher.is_fresh()
    hangs.set()
    assert bench.inbox.get(timeout=60) == Fetched("j1", "3")
    while not bench.fetcher.is_fresh():
        time.sleep(0.01)
    assert caplog.text.count("fetching hangs") <= 1


def test_a_job_given_up_ends_at_its_next_piece(bench: Bench) -> None:
    def forever(checkpoint: Checkpoint) -> None:
        while True:
            checkpoint()
            time.sleep(0.005)

    bench.begin(forever)
    bench.fetcher.stop()
    ended = bench.inbox.get(timeout=60)
    assert ended == FetchFailed("j1", "version 3: the job was given up")


def test_an_unexpected_error_fails_the_fetch_and_not_the_thread(bench: Bench) -> None:
    def break_down(checkpoint: Checkpoint) -> None:
        raise ZeroDivisionError("by zero")

    bench.begin(break_down)
    assert bench.inbox.get(timeout=60) == FetchFailed("j1", "ZeroDivisionError: by zero")
    bench.fetcher.discard(3)
    bench.begin(lambda checkpoint: None)
    assert bench.inbox.get(timeout=60) == Fetched("j1", "3")
