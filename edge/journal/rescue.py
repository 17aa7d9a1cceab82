"""What can still be read of a damaged journal: approved films, ratings, and what was not sent yet.

The damaged file stays as it is; whoever looks into it later finds everything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.errors import InvalidRecord
from data.messages import Feedback
from data.picks import Pick
from data.wire import decode
from edge.journal.file import JournalStore

_PICKS = "SELECT id, made_at, payload, slate FROM picks ORDER BY seq"
_DECISIONS = "SELECT pick_id, decision, decided_at FROM decisions ORDER BY pick_id"
_RATINGS = "SELECT id, pick_id, source, stars, rated_at, payload FROM ratings ORDER BY id"
_OUTBOX = "SELECT id, captured_at, payload, state, reason FROM outbox ORDER BY seq"


def rescue(damaged: Path, journal: JournalStore) -> int:
    """Copy what can be read of approved picks, ratings and the outbox into a new journal.

    Returns:
        How many ratings were rescued.
    """
    connection = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)
    try:
        decisions = {row[0]: row for row in _readable(connection, _DECISIONS)}
        picks = [row for row in _readable(connection, _PICKS) if row[0] in decisions]
        picks = [row for row in picks if _is_sound(row[2], Pick)]
        ratings = [row for row in _readable(connection, _RATINGS) if _is_sound(row[5], Feedback)]
        outbox = [row for row in _readable(connection, _OUTBOX) if _is_sound(row[2], Feedback)]
    finally:
        connection.close()
    with journal.transaction() as new:
        new.executemany(
            "INSERT OR IGNORE INTO picks (id, made_at, payload, slate) VALUES (?, ?, ?, ?)", picks
        )
        new.executemany("INSERT OR IGNORE INTO decisions VALUES (?, ?, ?)", decisions.values())
        new.executemany(
            "INSERT OR IGNORE INTO ratings (id, pick_id, source, stars, rated_at, payload)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            ratings,
        )
        new.executemany(
            "INSERT OR IGNORE INTO outbox (id, captured_at, payload, state, reason)"
            " VALUES (?, ?, ?, ?, ?)",
            outbox,
        )
    return len(ratings)


def _readable(connection: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    """Read from both ends up to the damage."""
    found: dict[Any, tuple[Any, ...]] = {}
    for row in _until_damage(connection, query):
        found[row[0]] = row
    backwards = [row for row in _until_damage(connection, f"{query} DESC") if row[0] not in found]
    return [*found.values(), *reversed(backwards)]


def _until_damage(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(query)
    except sqlite3.DatabaseError:
        return


def _is_sound(payload: object, kind: type[Pick] | type[Feedback]) -> bool:
    try:
        decode(bytes(payload) if isinstance(payload, bytes) else b"", kind)
    except InvalidRecord:
        return False
    return True
