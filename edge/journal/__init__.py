"""The journal: everything the appliance must remember, and its only channel to the sync service.

Others call `open_or_set_aside` (the appliance) or `Journal.open` (everyone else), and catch
`JournalError`. The appliance's side is in `edge.journal.appliance`, the sync service's in
`edge.journal.sync`; both work on the same file through the same store. Ids are made where the event
happens; the tables' own sequence gives the order, because the clock of a Pi without a battery can't
be trusted.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.journal.appliance import ApplianceSide
from edge.journal.bad_rows import BadRows
from edge.journal.contact import HOURS_KEPT, Sent, last_heard, sent_in, with_sent
from edge.journal.file import (
    CHECK_SECONDS,
    REPLACED,
    JournalDamaged,
    JournalError,
    JournalFull,
    JournalLocked,
    JournalReadOnly,
    JournalReplaced,
    JournalTooNew,
    identities,
    set_aside,
)
from edge.journal.ratings import (
    AlreadyRated,
    ConflictingRecord,
    RatingChanged,
    TooManyCorrections,
)
from edge.journal.rescue import SetAside, asides, take_over, unread
from edge.journal.rows import (
    Activation,
    Decision,
    HistoryEntry,
    IncomingModel,
    OutboxRow,
    Rating,
    Request,
    Withdrawal,
)
from edge.journal.sync import SyncSide

JOURNAL = "journal.db"
# How often the sync service reports that it's alive: rarely, to spare the SD card.
HEARTBEAT_SECONDS = 600.0
# The connection's state where the sync service rests because the card may be a copy.
ON_ANOTHER_BOARD = "on another board"

__all__ = [
    "CHECK_SECONDS",
    "HEARTBEAT_SECONDS",
    "HOURS_KEPT",
    "JOURNAL",
    "ON_ANOTHER_BOARD",
    "REPLACED",
    "Activation",
    "AlreadyRated",
    "BadRows",
    "ConflictingRecord",
    "Decision",
    "HistoryEntry",
    "IncomingModel",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalFull",
    "JournalLocked",
    "JournalReadOnly",
    "JournalReplaced",
    "JournalTooNew",
    "OutboxRow",
    "Rating",
    "RatingChanged",
    "Request",
    "Sent",
    "SetAside",
    "TooManyCorrections",
    "Withdrawal",
    "asides",
    "identities",
    "last_heard",
    "open_or_set_aside",
    "sent_in",
    "unread",
    "with_sent",
]


class Journal(ApplianceSide, SyncSide):
    """A connection to the journal, for one thread at a time; a context manager."""


def open_or_set_aside(
    path: Path, make_room: Callable[[], bool] = lambda: False
) -> tuple[Journal, list[SetAside]]:
    """Open the journal; if it is damaged, set it aside and start a new one.

    Approved films and ratings that can still be read are recovered, also from journals set aside
    earlier if that wasn't possible before. Only the appliance does this; the sync service waits
    until it is done.

    Args:
        path: of the journal's main file.
        make_room: frees the space reserved for this on a full disk; returns whether there was any.
            Opening needs some, even of a sound journal.

    Returns:
        The journal, and the result for each journal set aside that wasn't recovered before.

    Raises:
        JournalTooNew, JournalError: as `Journal.open`.
    """
    try:
        journal = open_with_room(path, make_room)
    except JournalDamaged:
        set_aside(path)
        journal = open_with_room(path, make_room)
    try:
        return journal, take_over(journal, make_room)
    except BaseException:
        journal.close()
        raise


def open_with_room(path: Path, make_room: Callable[[], bool]) -> Journal:
    """Open the journal; on a full disk with the space that `make_room` frees.

    Raises:
        JournalError: as `Journal.open`.
    """
    try:
        return Journal.open(path)
    except JournalFull:
        if not make_room():
            raise
        return Journal.open(path)
