"""What the page knows: read from house and journal by one thread, one question at a time.

The server's event loop never waits for a disk, and the journal's connection stays in the thread
that opened it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from data.errors import InvalidRecord
from data.messages import Feedback
from data.wire import decode
from edge.journal import HistoryEntry, Journal, JournalError, OutboxRow
from edge.page.grid import read_answer
from edge.page.house import House, Standing
from edge.page.words import SyncWords, sync_words
from edge.search.answer import Answer

Told = TypeVar("Told")


class Refused(msgspec.Struct, frozen=True):
    """A rating that the cloud refused; it is kept, and never sent again."""

    title: str
    stars: int
    reason: str


class Delivery(msgspec.Struct, frozen=True):
    """How ratings and models travel.

    Attributes:
        waiting: ratings not yet acknowledged.
        refused: ratings that the cloud refused, with the reason.
    """

    words: SyncWords
    waiting: int
    refused: tuple[Refused, ...]


class Front(msgspec.Struct, frozen=True):
    """What every page shows: how the appliance stands, and how delivery does."""

    standing: Standing
    delivery: Delivery


class Newest(msgspec.Struct, frozen=True):
    """The newest pick, the answer it came with, and the films that await a rating."""

    entry: HistoryEntry | None
    answer: Answer | None
    awaiting: tuple[HistoryEntry, ...]


class Desk:
    """Asks house and journal in a thread of its own.

    Args:
        house: the appliance.
        journal: the path of its journal.
    """

    def __init__(self, house: House, journal: Path) -> None:
        self._house = house
        self._path = journal
        self._journal: Journal | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="page-desk")

    async def ask(self, question: Callable[[House, Journal], Told]) -> Told:
        """Return what `question` finds out; its errors come through."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, question)

    def close(self) -> None:
        """Close the journal, in the thread that opened it."""
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _answer(self, question: Callable[[House, Journal], Told]) -> Told:
        if self._journal is not None and self._journal.replaced():
            self._close()
        if self._journal is None:
            self._journal = Journal.open(self._path)
        try:
            return question(self._house, self._journal)
        except JournalError:
            # A connection that failed once is not trusted again.
            self._close()
            raise

    def _close(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()


def front(house: House, journal: Journal) -> Front:
    """Return what every page shows."""
    waiting, _ = journal.outbox_depth()
    refused = tuple(_refused(row) for row in journal.quarantined())
    words = sync_words(journal.sync_state(), waiting, len(refused), datetime.now(UTC))
    return Front(house.standing(), Delivery(words, waiting, refused))


def newest(house: House, journal: Journal) -> Newest:
    """Return the newest pick with everything around it."""
    entries = journal.history(1)
    entry = entries[0] if entries else None
    answer = read_answer(journal.slate_of(entry.pick.id)) if entry else None
    return Newest(entry, answer, tuple(journal.awaiting_rating()))


def _refused(row: OutboxRow) -> Refused:
    try:
        feedback = decode(row.payload, Feedback)
    except InvalidRecord as error:
        return Refused(row.id, 0, str(error))
    return Refused(feedback.title, feedback.stars, row.reason or "no reason was given")
