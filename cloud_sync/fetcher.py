"""The thread that fetches bundles in the background."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from cloud_sync.downloader import Downloader, Stopped
from cloud_sync.events import Event
from cloud_sync.update import FetchFailed, Job

_log = logging.getLogger(__name__)

# Each step (a DNS lookup, a connection, a chunk, a sync on a slow card) has its own timeout, far
# below this.
_STUCK_SECONDS = 300.0


class Fetcher:
    """One thread that fetches and removes bundles, one after the other."""

    def __init__(
        self,
        downloader: Downloader,
        inbox: Callable[[Event], None],
        stuck_seconds: float = _STUCK_SECONDS,
    ) -> None:
        self._downloader = downloader
        self._inbox = inbox
        self._stuck_seconds = stuck_seconds
        self._alive_at: float | None = None
        self._reported_stuck = False
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fetch", daemon=True)
        self._thread.start()

    def start(self, job: Job) -> None:
        """Stop the running fetch, then fetch this job's bundle; the result goes to the inbox."""
        self.stop()
        stop = self._stop = threading.Event()

        def checkpoint() -> None:
            self._alive_at = time.monotonic()
            if stop.is_set():
                raise Stopped(f"version {job.document.version}: the job was given up")

        def fetch() -> None:
            if stop.is_set():
                return
            try:
                self._inbox(self._downloader.fetch(job, checkpoint))
            except Exception as error:  # noqa: BLE001 - this thread's outermost loop
                # Whatever went wrong, the update must not wait forever.
                _log.exception("fetching version %d", job.document.version)
                self._inbox(FetchFailed(job.id, f"{type(error).__name__}: {error}"))

        self._work.put(fetch)

    def stop(self) -> None:
        """Stop the running fetch."""
        self._stop.set()

    def discard(self, version: int) -> None:
        """Remove a bundle that is no longer needed, once the running fetch has stopped."""

        def discard() -> None:
            try:
                self._downloader.discard(version)
            except OSError as error:
                _log.warning("incoming version %d could not be removed: %s", version, error)

        self._work.put(discard)

    def is_fresh(self) -> bool:
        """Return whether the thread is idle or has made progress recently."""
        alive_at = self._alive_at
        stuck = alive_at is not None and time.monotonic() - alive_at > self._stuck_seconds
        if stuck and not self._reported_stuck:
            _log.error("fetching hangs: no progress for %.0f s", self._stuck_seconds)
        self._reported_stuck = stuck
        return not stuck

    def close(self, seconds: float) -> None:
        """Stop, and wait up to this many seconds for the thread to end."""
        self.stop()
        self._work.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (task := self._work.get()) is not None:
            self._alive_at = time.monotonic()
            try:
                task()
            except Exception:  # noqa: BLE001 - this thread's outermost loop
                # Without this thread, no later update would be fetched.
                _log.exception("the fetch thread")
            self._alive_at = None
