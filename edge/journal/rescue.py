"""Recovers approved films, ratings and unsent records from journals that were set aside.

They are copied in one transaction with a note that this was done; without the note, the next start
tries again. The file set aside stays unchanged, so everything can still be examined later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from data.errors import InvalidRecord
from data.picks import Pick
from data.wire import decode
from edge.journal.checksums import prepare, seal_all, sound
from edge.journal.copies import (
    correction_row,
    is_correction,
    make_copies,
    rating_row,
    read_feedback,
    restore_from_copies,
)
from edge.journal.file import (
    DAMAGED,
    REPLACED,
    JournalError,
    JournalFull,
    JournalStore,
    translated,
)

_PICKS = "SELECT seq, id, made_at, payload, slate FROM picks ORDER BY seq"
_DECISIONS = "SELECT pick_id, decision, decided_at FROM decisions ORDER BY pick_id"
_RATINGS = "SELECT id, pick_id, source, stars, rated_at, payload FROM ratings ORDER BY id"
_OUTBOX = "SELECT id, captured_at, payload, state, reason FROM outbox ORDER BY seq"
_APPROVED_COPIES = (
    "SELECT seq, pick_id, made_at, payload, decided_at FROM approved_copies ORDER BY seq"
)
_RATING_COPIES = "SELECT id, payload FROM rating_copies ORDER BY id"
_CORRECTIONS = "SELECT id, pick_id, payload FROM corrections ORDER BY id"


# These codes are about the moment, not the file, so recovery is tried again.
_OF_THE_MOMENT = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
)


class SetAside(NamedTuple):
    """A journal that was set aside.

    Attributes:
        path: of its main file.
        rescued: how many ratings were recovered from it just now.
        failure: why nothing could be recovered yet; the next start tries again.
    """

    path: Path
    rescued: int = 0
    failure: str = ""


def asides(path: Path) -> list[Path]:
    """Return the main files of all journals set aside here."""
    found = [
        aside
        for why in (DAMAGED, REPLACED)
        for aside in path.parent.glob(f"{path.name}.{why}-*")
        if not aside.name.endswith(("-wal", "-shm"))
    ]
    return sorted(found)


def unread(journal: JournalStore) -> list[Path]:
    """Return the journals set aside whose ratings haven't been recovered into this one."""
    known = {name for (name,) in journal.rows("SELECT file FROM taken_over")}
    return [aside for aside in asides(journal.path) if _lasting_name(aside) not in known]


def take_over(journal: JournalStore, make_room: Callable[[], bool]) -> list[SetAside]:
    """Recover what can be read from every journal set aside, unless it was done before.

    Args:
        journal: the one to copy into.
        make_room: frees the space reserved for this; returns whether there was any.
    """
    return [_take_over(aside, journal, make_room) for aside in unread(journal)]


def _take_over(aside: Path, journal: JournalStore, make_room: Callable[[], bool]) -> SetAside:
    try:
        try:
            return SetAside(aside, rescue(aside, journal))
        except JournalFull:
            if not make_room():
                raise
            return SetAside(aside, rescue(aside, journal))
    except JournalError as error:
        return SetAside(aside, failure=str(error))


def _lasting_name(aside: Path) -> str:
    found = aside.stat()
    return f"{aside.name}:{found.st_ino}:{found.st_mtime_ns}"


def rescue(aside: Path, journal: JournalStore) -> int:
    """Copy whatever approved picks, ratings and outbox rows can be read into a journal.

    Returns:
        How many ratings were new to it.

    Raises:
        JournalError: it can't be done right now; nothing has been changed.
    """
    name = _lasting_name(aside)
    with translated(aside):
        connection = sqlite3.connect(f"{aside.absolute().as_uri()}?mode=ro", uri=True)
        prepare(connection)
        try:
            ratings, corrections = _ratings(connection)
            outbox = [row for row in _readable(connection, _OUTBOX) if read_feedback(row[2])]
            if not _is_whole(connection, _OUTBOX):
                # Better sent twice, which the cloud recognises, than never.
                outbox += [(id_, at, payload, "pending", None) for id_, *_, at, payload in ratings]
                outbox += [(id_, "", payload, "pending", None) for id_, _, payload in corrections]
            rated = [row[-1] for row in [*ratings, *corrections]] + [row[2] for row in outbox]
            picks, decisions = _approved(connection, rated)
        finally:
            connection.close()
    every = "SELECT id FROM ratings UNION SELECT id FROM corrections"
    known = {id_ for (id_,) in journal.rows(every)}
    with journal.transaction() as new:
        new.executemany(
            "INSERT OR IGNORE INTO picks (id, made_at, payload, slate) VALUES (?, ?, ?, ?)",
            [row[1:] for row in picks],
        )
        new.executemany(
            "INSERT OR IGNORE INTO decisions (pick_id, decision, decided_at) VALUES (?, ?, ?)",
            decisions,
        )
        new.executemany(
            "INSERT OR IGNORE INTO ratings (id, pick_id, source, stars, rated_at, payload)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            ratings,
        )
        new.executemany(
            "INSERT OR IGNORE INTO corrections (id, pick_id, payload) VALUES (?, ?, ?)",
            corrections,
        )
        new.executemany(
            "INSERT OR IGNORE INTO outbox (id, captured_at, payload, state, reason)"
            " VALUES (?, ?, ?, ?, ?)",
            outbox,
        )
        for table in ("picks", "decisions", "ratings", "corrections", "outbox"):
            seal_all(new, table)
        restore_from_copies(new)
        make_copies(new)
        new_ones = {id_ for (id_,) in new.execute(every)} - known
        new.execute("INSERT OR REPLACE INTO taken_over VALUES (?, ?)", (name, len(new_ones)))
    return len(new_ones)


def _ratings(
    connection: sqlite3.Connection,
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the rows of all ratings and corrections that can be read, here or in the copies."""
    ratings = {row[0]: row for row in _readable(connection, _RATINGS) if read_feedback(row[5])}
    corrections = {
        row[0]: row for row in _readable(connection, _CORRECTIONS) if read_feedback(row[2])
    }
    for _, payload in _readable(connection, _RATING_COPIES):
        feedback = read_feedback(payload)
        if feedback is None:
            continue
        if is_correction(feedback):
            corrections.setdefault(feedback.id, tuple(correction_row(feedback, payload).values()))
        else:
            ratings.setdefault(feedback.id, tuple(rating_row(feedback, payload).values()))
    return list(ratings.values()), list(corrections.values())


def _approved(
    connection: sqlite3.Connection, rated: list[bytes]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the rows of all approved picks and of their decisions, here or in the second copy."""
    copies = [row for row in _readable(connection, _APPROVED_COPIES) if _is_pick(row[3])]
    decisions = {row[0]: row for row in _readable(connection, _DECISIONS)}
    for _, pick_id, *_, decided_at in copies:
        decisions.setdefault(pick_id, (pick_id, "approved", decided_at))
    for payload in rated:
        # Only an approved film can be rated.
        if feedback := read_feedback(payload):
            decision = (feedback.pick_id, "approved", feedback.rated_at)
            decisions.setdefault(feedback.pick_id, decision)
    picks = {
        row[0]: row
        for row in _readable(connection, _PICKS)
        if row[1] in decisions and _is_pick(row[3])
    }
    for seq, pick_id, made_at, payload, _ in copies:
        picks.setdefault(seq, (seq, pick_id, made_at, payload, None))
    return [row for _, row in sorted(picks.items())], list(decisions.values())


def _readable(connection: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    """Read from both ends up to the damage."""
    query = _sound_rows(connection, query)
    found: dict[Any, tuple[Any, ...]] = {}
    for row in _until_damage(connection, query):
        found[row[0]] = row
    backwards = [row for row in _until_damage(connection, f"{query} DESC") if row[0] not in found]
    return [*found.values(), *reversed(backwards)]


def _sound_rows(connection: sqlite3.Connection, query: str) -> str:
    """Return the query limited to sound rows, if rows have checksums."""
    table = query.split(" FROM ")[1].split(maxsplit=1)[0]
    checked = query.replace(" ORDER BY ", f" WHERE {sound(table)} ORDER BY ")
    try:
        connection.execute(f"{checked} LIMIT 0")
    except sqlite3.DatabaseError:
        return query
    return checked


def _is_whole(connection: sqlite3.Connection, query: str) -> bool:
    """Return whether every row of a table can be read and is as it was written."""
    table = query.split(" FROM ")[1].split(maxsplit=1)[0]
    try:
        (rows,) = connection.execute(f"SELECT count(*) FROM {table} NOT INDEXED").fetchone()
        read = sum(1 for _ in connection.execute(_sound_rows(connection, query)))
    except sqlite3.DatabaseError:
        return False
    return bool(read == rows)


def _until_damage(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(query)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_MOMENT:
            raise


def _is_pick(payload: object) -> bool:
    try:
        decode(payload if isinstance(payload, bytes) else b"", Pick)
    except InvalidRecord:
        return False
    return True
