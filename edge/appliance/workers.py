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
        patience_seconds: how long it may be busy without a sign of life before it counts as stuck.
    """

    def __init__(self, name: str, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._last_sign: float | None = None  # None: idle
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], Result]) -> Result:
        """Do `job` in the worker's thread and return what it returns."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._jobs.put((job, loop, done))
        return await done

    def show_life(self) -> None:
        """Say, from within a job that takes long, that it goes on. Idle it says nothing."""
        if self._last_sign is not None:
            self._last_sign = time.monotonic()

    def is_fresh(self) -> bool:
        """Whether the worker is idle, or has shown a sign of life not too long ago."""
        last = self._last_sign
        return last is None or time.monotonic() - last < self._patience

    def close(self) -> None:
        """Take no more jobs; the one in progress is not waited for."""
        self._jobs.put(None)

    def _work(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """Do one job; False once there will be no more.

        A call of its own for each: while the thread waits for the next one, nothing must hold what
        the last one returned, which may be a model of many megabytes.
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
        # If the loop has closed meanwhile, nobody is waiting for the result any more.
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
