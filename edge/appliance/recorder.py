"""Writes to the journal in its own thread, so that the light and `status` never wait for it.

Another program may keep the journal locked for long, and a tired card may be slow. Reading never
waits for a writer in SQLite's write-ahead log, so the event loop reads through a connection of its
own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from edge.appliance.workers import Worker
from edge.journal import Journal

Result = TypeVar("Result")
# Longer than SQLite waits for a lock.
_SETTLE_SECONDS = 12.0


class Recorder:
    """Carries out one write after the other.

    Args:
        journal: a connection that only the jobs given to `run` use.
        worker: whose thread carries them out.
    """

    def __init__(self, journal: Journal, worker: Worker) -> None:
        self.journal = journal
        self._worker = worker
        self._turn = asyncio.Lock()

    async def run(self, job: Callable[[], Result]) -> Result:
        """Do `job` in the recorder's thread once all earlier ones are done.

        Once begun it is finished, even if its caller goes away.
        """
        async with self._turn:
            return await asyncio.shield(self._worker.run(job))

    async def settle(self) -> None:
        """Wait until nothing is being written, before the journal is closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_SECONDS), self._turn:
                pass
