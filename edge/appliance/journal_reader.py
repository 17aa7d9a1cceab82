"""Reads the journal for the page in its own thread, so that the button never waits for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from edge.journal import Journal, JournalError

Read = TypeVar("Read")
_CLOSE_SECONDS = 10.0


class JournalReader:
    """Runs queries on the journal one at a time; its connection stays in its thread.

    Args:
        journal: the path to it.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal
        self._journal: Journal | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="page-queries")

    async def run(self, query: Callable[[Journal], Read]) -> Read:
        """Return what `query` returns; its errors are raised here."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, query)

    def close(self) -> None:
        """Close the journal, in the thread that opened it."""
        with suppress(TimeoutError):
            self._thread.submit(self._close).result(_CLOSE_SECONDS)
        self._thread.shutdown(wait=False)

    def _run(self, query: Callable[[Journal], Read]) -> Read:
        if self._journal is not None and self._journal.replaced():
            self._close()
        if self._journal is None:
            self._journal = Journal.open(self._path)
        try:
            return query(self._journal)
        except JournalError:
            # A connection that failed once isn't trusted again.
            self._close()
            raise

    def _close(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()
