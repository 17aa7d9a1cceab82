"""The ratings of a pick: the first one, and what took its place.

The first rating is in the table `ratings`, everything after it in `corrections`, each with its
second copy and its row of the outbox. Which one counts is decided as the cloud does
(`data.corrections`).
"""

from __future__ import annotations

import sqlite3

import msgspec

from data import limits
from data.corrections import Link, chains
from data.ids import new_id
from data.messages import Feedback, JournalPlace
from data.wire import encode
from edge.journal.checksums import seal
from edge.journal.copies import insert_rating, read_feedback
from edge.journal.file import JournalError
from edge.journal.rows import Delivery, HistoryEntry, Rating, Withdrawal


class AlreadyRated(JournalError):
    """This pick has a rating from this source; another one must name it, to take its place."""


class RatingChanged(JournalError):
    """The rating to be replaced doesn't count any more, or was never given."""


class TooManyCorrections(JournalError):
    """This rating was corrected as often as the journal keeps."""


class ConflictingRecord(JournalError):
    """A record with this id but different contents already exists."""


def write_rating(connection: sqlite3.Connection, feedback: Feedback) -> bool:
    """Write a rating or a correction with its place in the outbox, within a transaction.

    Returns:
        Whether it was new.

    Raises:
        AlreadyRated, RatingChanged, TooManyCorrections, ConflictingRecord: it may not be written.
    """
    if _is_known(connection, feedback):
        return False
    _check_may_follow(connection, feedback)
    sent = connection.execute(
        "INSERT INTO outbox (id, captured_at, payload) VALUES (?, ?, '')",
        (feedback.id, feedback.rated_at),
    )
    if feedback.schema_version > 1:
        place = JournalPlace(_journal_id(connection), sent.lastrowid or 0)
        feedback = msgspec.structs.replace(feedback, sequence=place)
    payload = encode(feedback)
    connection.execute("UPDATE outbox SET payload = ? WHERE seq = ?", (payload, sent.lastrowid))
    seal(connection, "outbox", sent.lastrowid)
    insert_rating(connection, feedback, payload)
    return True


def _is_known(connection: sqlite3.Connection, feedback: Feedback) -> bool:
    """Return whether this very rating was recorded before.

    Raises:
        ConflictingRecord: one with its id and other contents was.
    """
    found = connection.execute(
        "SELECT payload FROM ratings WHERE id = ?1"
        " UNION ALL SELECT payload FROM corrections WHERE id = ?1",
        (feedback.id,),
    ).fetchone()
    if found is None:
        return False
    known = read_feedback(found[0])
    if known is None or _without_place(known) != _without_place(feedback):
        raise ConflictingRecord(f"feedback {feedback.id}: known with other contents")
    return True


def _without_place(feedback: Feedback) -> Feedback:
    return msgspec.structs.replace(feedback, sequence=msgspec.UNSET)


def _check_may_follow(connection: sqlite3.Connection, feedback: Feedback) -> None:
    """Refuse a rating that doesn't follow the one that counts."""
    known: dict[str, int | None] = {}
    links: list[Link] = []
    for id_, stars, payload in connection.execute(
        "SELECT id, stars, payload FROM sound_ratings WHERE pick_id = ?1 AND source = ?2"
        " UNION ALL SELECT id, NULL, payload FROM sound_corrections WHERE pick_id = ?1",
        (feedback.pick_id, feedback.source),
    ):
        record = read_feedback(payload)
        if record is None:
            # From before checksums, and damaged since: it counts until it's corrected.
            links.append(Link(id_, feedback.pick_id, feedback.source))
            known[id_] = stars
        elif record.source == feedback.source:
            links.append(Link.of(record))
            known[id_] = record.stars
    ends = [chain[-1].id for chain in chains(links)]
    if feedback.replaces is msgspec.UNSET:
        if ends:
            given = f"rated {known[ends[0]]} stars" if known[ends[0]] else "rated, and withdrawn"
            raise AlreadyRated(f"{feedback.title}: already {given} ({feedback.source})")
    elif feedback.replaces not in ends:
        raise RatingChanged(f"{feedback.title}: its rating was changed meanwhile; look again")
    # It can be withdrawn at any time; after that only a rating could follow, which can't.
    elif len(links) > limits.MAX_CORRECTIONS and not feedback.withdraws:
        raise TooManyCorrections(
            f"{feedback.title}: its rating was corrected {limits.MAX_CORRECTIONS} times, and the"
            " appliance keeps no more; it can only be withdrawn"
        )


def _journal_id(connection: sqlite3.Connection) -> str:
    """Return the journal's random id, made when it's needed first."""
    found = connection.execute("SELECT id FROM sound_journal_id").fetchone()
    if found is None:
        found = (new_id(),)
        connection.execute("INSERT INTO journal_id (id) VALUES (?)", found)
        seal(connection, "journal_id", found[0])
    return str(found[0])


def with_corrections(
    entry: HistoryEntry, corrections: list[tuple[Feedback, Delivery]]
) -> HistoryEntry:
    """Return the entry with what counts of each rating."""
    pick_id = entry.pick.id
    by_id = {correction.id: (correction, delivery) for correction, delivery in corrections}
    first = {rating.id: rating for rating in entry.ratings}
    links = [Link(rating.id, pick_id, rating.source) for rating in entry.ratings]
    links += [Link.of(correction) for correction, _ in corrections]
    ratings: list[Rating] = []
    withdrawal: Withdrawal | None = None
    for chain in chains(links):
        if chain[-1].id in first:
            ratings.append(first[chain[-1].id])
            continue
        record, delivery = by_id[chain[-1].id]
        if record.stars is None:
            if withdrawal is not None and record.source != "owner":
                continue
            withdrawal = Withdrawal(record.id, record.source, record.rated_at, delivery)
            continue
        fields = (record.id, record.stars, record.source, record.rated_at, delivery, record.rating)
        ratings.append(Rating(*fields, corrections=len(chain) - 1))
    ratings.sort(key=lambda rating: rating.source)
    return msgspec.structs.replace(entry, ratings=tuple(ratings), withdrawal=withdrawal)
