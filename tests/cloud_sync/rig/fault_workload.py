"""The recorded work again, with retries of every step that fails.

For runs in which strace lets a system call fail. Marks are written by another call than those that
fail, so that only the state's own calls are counted.

    python fault_workload.py STATE MARKS BUNDLES ROUNDS RATINGS
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from rig.crash_workload import FolderBucket, Work, downloader, job
from rig.records import feedback

from cloud_sync.update import Fetched
from data.errors import GreenlightError
from edge.journal import JOURNAL, Journal

T = TypeVar("T")
_MOST_TRIES = 40


class StubbornWork(Work):
    """Tries every step until it is done, as the services do."""

    failures = 0

    def run(self, rounds: int, ratings: int, careless: bool = False) -> None:
        with self._insist(lambda: Journal.open(self._state / JOURNAL)) as journal:
            for version in range(1, rounds + 1):
                self._rate(journal, ratings)
                self._update(journal, version)
                self._send(journal, ratings - 2)
        self._mark("failures", self.failures)

    def _insist(self, step: Callable[[], T]) -> T:
        for _ in range(_MOST_TRIES):
            try:
                return step()
            except (GreenlightError, OSError):
                self.failures += 1
                time.sleep(0.001)
        raise RuntimeError("it does not recover")

    def _mark(self, *words: object) -> None:
        os.writev(self._marks, [(" ".join(map(str, words)) + "\n").encode()])

    def _rate(self, journal: Journal, ratings: int) -> None:
        for number in range(ratings):
            record = feedback(number)
            self._insist(lambda: journal.record_rating(record))  # noqa: B023 - called at once
            self._mark("rated", record.id)

    def _send(self, journal: Journal, ratings: int) -> None:
        rows = self._insist(lambda: journal.peek_outbox(ratings))
        for row in rows:
            self._mark("stored", row.id)
        self._insist(lambda: journal.acknowledge([row.id for row in rows]))
        self._insist(lambda: journal.set_sync_state("connection", {"since": rows[0].id}))

    def _update(self, journal: Journal, version: int) -> None:
        wanted = job(self._bundles, version)
        device = downloader(self._state, self._bundles, FolderBucket(self._bundles))

        def fetch() -> Fetched:
            result = device.fetch(wanted, lambda: None)
            if not isinstance(result, Fetched):
                raise GreenlightError(result.reason)
            return result

        folder = self._insist(fetch).folder
        self._mark("placed", version)
        sha256 = wanted.document.manifest_sha256
        self._insist(lambda: journal.offer_model(version, sha256, wanted.id, folder))
        self._mark("offered", version)
        self._insist(lambda: self._activate(journal, version))
        self._insist(lambda: device.discard(version))


def started(*paths: Path) -> StubbornWork:
    """Start, and again if that fails, as systemd does."""
    for _ in range(_MOST_TRIES):
        try:
            return StubbornWork(*paths)
        except OSError:
            StubbornWork.failures += 1
    raise RuntimeError("it does not start")


if __name__ == "__main__":
    started(*map(Path, sys.argv[1:4])).run(int(sys.argv[4]), int(sys.argv[5]))
