"""The journal: everything the appliance must remember, and its only channel to the sync service.

Others call `open_or_set_aside` (the appliance) or `Journal.open` (everyone else), and catch
`JournalError`. The appliance's side is in `edge.journal.appliance`, the sync service's in
`edge.journal.sync`; both work on the same file through the same store. Ids are made where the event
happens; the order of things is the tables' own sequence, because the clock of a Pi without a
battery says nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from edge.journal.appliance import (
    AlreadyRated,
    ApplianceSide,
    ConflictingRecord,
)
from edge.journal.file import (
    JournalDamaged,
    JournalError,
    JournalFull,
    JournalTooNew,
    set_aside,
)
from edge.journal.rescue import rescue
from edge.journal.rows import (
    Activation,
    Decision,
    HistoryEntry,
    IncomingModel,
    OutboxRow,
    Rating,
    Request,
)
from edge.journal.sync import SyncSide

JOURNAL = "journal.db"

__all__ = [
    "JOURNAL",
    "Activation",
    "AlreadyRated",
    "ConflictingRecord",
    "Decision",
    "HistoryEntry",
    "IncomingModel",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalFull",
    "JournalTooNew",
    "OutboxRow",
    "Rating",
    "Request",
    "SetAside",
    "open_or_set_aside",
]


class Journal(ApplianceSide, SyncSide):
    """A connection to the journal, usable from the thread that opened it; a context manager."""


class SetAside(NamedTuple):
    """A damaged journal under its new name, and how many ratings could be taken over from it."""

    path: Path
    rescued: int


def open_or_set_aside(path: Path) -> tuple[Journal, SetAside | None]:
    """Open the journal; if it is damaged, set it aside and start a new one.

    What can still be read of films made and ratings given is taken over. Only the appliance does
    this. The sync service waits until it has happened.

    Returns:
        The journal, and what became of the damaged file if there was one.

    Raises:
        JournalTooNew, JournalError: as `Journal.open`.
    """
    try:
        return Journal.open(path), None
    except JournalDamaged:
        aside = set_aside(path)
        journal = Journal.open(path)
        return journal, SetAside(aside, rescue(aside, journal))
