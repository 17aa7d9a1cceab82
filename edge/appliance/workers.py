"""Threads for what takes long, each with a heartbeat that the watchdog believes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

Result = TypeVar("Result")
_Job: TypeAlias = tuple[Callable[[], Any], asyncio.AbstractEventLoop, asyncio.Future[Any]]


class Worker:
    """One thread that does one thing at a time.

    It is a daemon: a job that never ends does not keep the appliance from stopping.

    Args:
        name: of the thread.
        patience_seconds: how long one thing may take before the worker counts as stuck.
    """

    def __init__(self, name: str, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], Result]) -> Result:
        """Do `job` in the worker's thread and return what it returns."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((job, loop, done))
        return await done

    def is_fresh(self) -> bool:
        """Whether the worker is idle, or has not been busy with one thing for too long."""
        since = self._busy_since
        return since is None or time.monotonic() - since < self._patience

    def close(self) -> None:
        """Take no more jobs; the one in progress is not waited for."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (next_job := self._jobs.get()) is not None:
            job, loop, done = next_job
            self._busy_since = time.monotonic()
            tell: Callable[[], None]
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
                tell = _telling(done, done.set_exception, error)
            else:
                tell = _telling(done, done.set_result, result)
            self._busy_since = None
            # Where the loop has closed meanwhile, nobody waits for the result any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell)


def _telling(
    done: asyncio.Future[Any], tell: Callable[[Any], None], what: object
) -> Callable[[], None]:
    def tell_if_awaited() -> None:
        if not done.done():
            tell(what)

    return tell_if_awaited
