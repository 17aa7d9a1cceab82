"""The thread that fetches bundles beside the session."""

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

# One step (a name looked up, a connection made, a piece read, a file on a slow card synced) has its
# own timeouts far below this.
_STUCK_SECONDS = 300.0


class Fetcher:
    """One thread beside the session that fetches and removes bundles, one after the other."""

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
        """Fetch this job's bundle, after whatever runs has stopped; its end goes to the inbox."""
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
                self._downloader.discard(version)
            except OSError as error:
                _log.warning("incoming version %d stays: %s", version, error)

        self._work.put(discard)

    def is_fresh(self) -> bool:
        """Return whether the thread is idle, or has shown a sign of life not long ago."""
        alive_at = self._alive_at
        stuck = alive_at is not None and time.monotonic() - alive_at > self._stuck_seconds
        if stuck and not self._reported_stuck:
            _log.error("fetching hangs: no sign of life for %.0f s", self._stuck_seconds)
        self._reported_stuck = stuck
        return not stuck

    def close(self, seconds: float) -> None:
        """Give up, and wait for the end of it for a while."""
        self.stop()
        self._work.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (task := self._work.get()) is not None:
            self._alive_at = time.monotonic()
            try:
                task()
            except Exception:  # noqa: BLE001 - this thread's outermost loop
                # Without this thread no later update would ever be fetched.
                _log.exception("the fetch thread")
            self._alive_at = None
