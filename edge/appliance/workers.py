"""Threads for long-running jobs, each with a heartbeat that the watchdog checks."""

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

    It is a daemon: a job that never ends doesn't keep the appliance from stopping.

    Args:
        name: of the thread.
        stuck_after_seconds: how long a job may run without progress before it counts as stuck.
    """

    def __init__(self, name: str, stuck_after_seconds: float) -> None:
        self._stuck_after = stuck_after_seconds
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._last_sign: float | None = None  # None: idle
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], Result]) -> Result:
        """Run `job` in the worker's thread and return its result."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((job, loop, done))
        return await done

    def show_life(self) -> None:
        """Report progress from within a long job; does nothing while idle."""
        if self._last_sign is not None:
            self._last_sign = time.monotonic()

    def is_fresh(self) -> bool:
        """Whether the worker is idle, or has made progress recently."""
        last = self._last_sign
        return last is None or time.monotonic() - last < self._stuck_after

    def close(self) -> None:
        """Accept no more jobs; doesn't wait for the running one."""
        self._jobs.put(None)

    def _work(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """Run one job; return False once there will be no more.

        A separate call per job: while the thread waits for the next one, nothing may keep the last
        result alive, which may be a model of many megabytes.
        """
        next_job = self._jobs.get()
        if next_job is None:
            return False
        job, loop, done = next_job
        self._last_sign = time.monotonic()
        report: Callable[[], None]
        try:
            result = job()
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
            report = _if_awaited(done, done.set_exception, error)
        else:
            report = _if_awaited(done, done.set_result, result)
        self._last_sign = None
        # If the loop has closed in the meantime, no one is waiting for the result.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(report)
        return True


def _if_awaited(
    done: asyncio.Future[Any], report: Callable[[Any], None], what: object
) -> Callable[[], None]:
    def report_if_awaited() -> None:
        if not done.done():
            report(what)

    return report_if_awaited
