"""Threads for what takes long, each with a heartbeat that the watchdog believes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Worker:
    """One thread that does one thing at a time.

    Args:
        name: of the thread.
        patience_seconds: how long one thing may take before the worker counts as stuck.
    """

    def __init__(self, name: str, patience_seconds: float) -> None:
        self.name = name
        self._patience = patience_seconds
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._busy_since: float | None = None

    async def run(self, job: Callable[[], Result]) -> Result:
        """Do `job` in the worker's thread and return what it returns."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._timed, job)

    def is_fresh(self) -> bool:
        """Whether the worker is idle, or has not been busy with one thing for too long."""
        since = self._busy_since
        return since is None or time.monotonic() - since < self._patience

    def close(self, wait: bool = True) -> None:
        """Take no more jobs; wait for the one in progress."""
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _timed(self, job: Callable[[], Result]) -> Result:
        self._busy_since = time.monotonic()
        try:
            return job()
        finally:
            self._busy_since = None
