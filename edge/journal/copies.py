"""A second copy of everything the owner decided, so that no single damaged row or page loses it.

An approved pick is in `picks` and `decisions`, and once more in `approved_copies`; a rating is in
`ratings` and in `rating_copies`, and until the cloud has it in the outbox. Whatever one of them
lost is restored from the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from data.errors import InvalidRecord
from data.messages import Feedback
from data.wire import decode
from edge.journal.checksums import seal

if TYPE_CHECKING:
    from edge.journal.file import JournalStore

# Few films are approved, and millions of picks may be kept: so decisions come first.
_UNCOPIED_APPROVALS = """
SELECT picks.seq, picks.id, picks.made_at, picks.payload, decisions.decided_at
FROM sound_decisions AS decisions CROSS JOIN sound_picks AS picks ON picks.id = decisions.pick_id
WHERE decisions.pick_id NOT IN (SELECT pick_id FROM approved_copies)
 AND picks.seq NOT IN (SELECT seq FROM approved_copies)
"""
_UNCOPIED_RATINGS = """
SELECT id, payload FROM
(SELECT id, payload FROM sound_ratings UNION ALL SELECT id, payload FROM sound_corrections)
WHERE id NOT IN (SELECT id FROM rating_copies)
"""
_COPY_APPROVALS = """
INSERT INTO approved_copies (seq, pick_id, made_at, payload, decided_at) {uncopied} RETURNING seq
"""
_COPY_RATINGS = f"INSERT INTO rating_copies (id, payload) {_UNCOPIED_RATINGS} RETURNING id"

_RESTORE_PICKS = """
INSERT OR IGNORE INTO picks (seq, id, made_at, payload)
SELECT seq, pick_id, made_at, payload FROM sound_approved_copies
WHERE pick_id NOT IN (SELECT id FROM picks)
RETURNING seq
"""
# Only an approved film can be rated.
_RESTORE_DECISIONS = """
INSERT OR IGNORE INTO decisions (pick_id, decision, decided_at)
SELECT pick_id, 'approved', decided_at FROM sound_approved_copies
UNION ALL
SELECT pick_id, 'approved', rated_at FROM sound_ratings WHERE pick_id IN (SELECT id FROM picks)
RETURNING pick_id
"""
_LOST_RATINGS = """
SELECT payload FROM
(SELECT id, payload FROM sound_rating_copies UNION SELECT id, payload FROM sound_outbox)
WHERE id NOT IN (SELECT id FROM ratings) AND id NOT IN (SELECT id FROM corrections)
"""


def insert_rating(
    connection: sqlite3.Connection, feedback: Feedback, payload: bytes, *, if_missing: bool = False
) -> bool:
    """Write a rating or a correction, and its second copy.

    Args:
        connection: within a transaction.
        feedback: the rating.
        payload: the same, as it is sent.
        if_missing: leave an existing one alone.

    Returns:
        Whether it was written.
    """
    table = "corrections" if is_correction(feedback) else "ratings"
    row = correction_row if is_correction(feedback) else rating_row
    columns = row(feedback, payload)
    made = connection.execute(
        f"INSERT {'OR IGNORE ' if if_missing else ''}INTO {table}"
        f" ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        tuple(columns.values()),
    )
    if not made.rowcount:
        return False
    seal(connection, table, feedback.id)
    copied = connection.execute(
        "INSERT OR IGNORE INTO rating_copies (id, payload) VALUES (?, ?)", (feedback.id, payload)
    )
    if copied.rowcount:
        seal(connection, "rating_copies", feedback.id)
    return True


def is_correction(feedback: Feedback) -> bool:
    """Return whether this takes another rating's place."""
    return feedback.replaces is not msgspec.UNSET


def rating_row(feedback: Feedback, payload: bytes) -> dict[str, object]:
    """Return the columns of a first rating."""
    return {
        "id": feedback.id,
        "pick_id": feedback.pick_id,
        "source": feedback.source,
        "stars": feedback.stars,
        "rated_at": feedback.rated_at,
        "payload": payload,
    }


def correction_row(feedback: Feedback, payload: bytes) -> dict[str, object]:
    """Return the columns of a correction."""
    return {"id": feedback.id, "pick_id": feedback.pick_id, "payload": payload}


def copies_missing(journal: JournalStore) -> bool:
    """Return whether an approval or a rating has no second copy yet."""
    return any(
        journal.rows(f"{uncopied} LIMIT 1") for uncopied in (_UNCOPIED_APPROVALS, _UNCOPIED_RATINGS)
    )


def copy_approval(connection: sqlite3.Connection, pick_id: str) -> None:
    """Write the second copy of an approval just recorded, within the same transaction."""
    one = f"{_UNCOPIED_APPROVALS} AND picks.id = ?"
    written = connection.execute(_COPY_APPROVALS.format(uncopied=one), (pick_id,))
    _seal_each(connection, "approved_copies", written)


def make_copies(connection: sqlite3.Connection) -> None:
    """Give every approval and rating its second copy, within the same transaction."""
    every = _COPY_APPROVALS.format(uncopied=_UNCOPIED_APPROVALS)
    _seal_each(connection, "approved_copies", connection.execute(every))
    _seal_each(connection, "rating_copies", connection.execute(_COPY_RATINGS))


def restore_from_copies(connection: sqlite3.Connection) -> int:
    """Write again what only a copy still has, within the same transaction.

    Returns:
        How many picks, approvals and ratings there were.
    """
    lost = connection.execute(_LOST_RATINGS).fetchall()
    restored = sum(_restore_rating(connection, payload) for (payload,) in lost)
    restored += _seal_each(connection, "picks", connection.execute(_RESTORE_PICKS))
    return restored + _seal_each(connection, "decisions", connection.execute(_RESTORE_DECISIONS))


def read_feedback(payload: object) -> Feedback | None:
    """Return a rating as it was recorded; None where that is damaged."""
    try:
        return decode(payload if isinstance(payload, bytes) else b"", Feedback)
    except InvalidRecord:
        return None


def _restore_rating(connection: sqlite3.Connection, payload: bytes) -> bool:
    feedback = read_feedback(payload)
    return feedback is not None and insert_rating(connection, feedback, payload, if_missing=True)


def _seal_each(connection: sqlite3.Connection, table: str, written: Iterable[tuple[object]]) -> int:
    """Give rows just written their checksums; return how many there were."""
    keys = [key for (key,) in written]
    for key in keys:
        seal(connection, table, key)
    return len(keys)
