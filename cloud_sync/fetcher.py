"""The thread that fetches bundles beside the session."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from cloud_sync.events import Event
from cloud_sync.intake import Intake
from cloud_sync.update import FetchFailed, Job

_log = logging.getLogger(__name__)


class Fetcher:
    """One thread beside the session that fetches and removes bundles, one after the other."""

    def __init__(self, intake: Intake, inbox: Callable[[Event], None]) -> None:
        self._intake = intake
        self._inbox = inbox
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fetch", daemon=True)
        self._thread.start()

    def start(self, job: Job) -> None:
        """Fetch this job's bundle, after whatever runs has stopped; its end goes to the inbox."""
        self.stop()
        stop = self._stop = threading.Event()

        def fetch() -> None:
            if stop.is_set():
                return
            try:
                self._inbox(self._intake.fetch(job, stop))
            except Exception as error:  # noqa: BLE001 - this thread's outermost loop
                # Whatever it was, the update must not wait for ever.
                _log.exception("fetching version %d", job.document.version)
                self._inbox(FetchFailed(job.id, f"{type(error).__name__}: {error}"))

        self._work.put(fetch)

    def stop(self) -> None:
        """Give up the fetch that runs."""
        self._stop.set()

    def discard(self, version: int) -> None:
        """Remove a bundle that is no longer needed, after whatever runs has stopped."""

        def discard() -> None:
            try:
                self._intake.discard(version)
            except OSError as error:
                _log.warning("incoming version %d stays: %s", version, error)

        self._work.put(discard)

    def close(self, seconds: float) -> None:
        """Give up, and wait for the end of it for a while."""
        self.stop()
        self._work.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (task := self._work.get()) is not None:
            task()
