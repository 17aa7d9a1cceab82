"""The appliance's side of the journal: picks, decisions, ratings, requests."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from typing import Any, TypeVar

import msgspec

from data.errors import InvalidRecord
from data.films import Combination
from data.messages import Feedback, VerificationRequest
from data.picks import Pick
from data.wire import decode, encode
from edge.journal.bad_rows import BadRows, count_bad, set_aside_before, set_bad_rows_aside
from edge.journal.checksums import seal, slate_of, sound
from edge.journal.copies import copy_approval
from edge.journal.models import ModelRecords
from edge.journal.ratings import with_corrections, write_rating
from edge.journal.rows import Decision, Delivery, HistoryEntry, Rating

_DELIVERY = """CASE outbox.state
WHEN 'pending' THEN 'waiting' WHEN 'quarantined' THEN 'quarantined' ELSE 'stored' END"""
_ENTRIES = f"""
SELECT picks.seq, picks.payload, decisions.decision, ratings.id, ratings.stars, ratings.source,
       ratings.rated_at,
       {_DELIVERY},
       ratings.payload
FROM (SELECT seq, id, payload FROM sound_picks WHERE {{where}} ORDER BY seq DESC LIMIT ?) AS picks
LEFT JOIN sound_decisions AS decisions ON decisions.pick_id = picks.id
LEFT JOIN sound_ratings AS ratings ON ratings.pick_id = picks.id
LEFT JOIN outbox ON outbox.id = ratings.id
ORDER BY picks.seq DESC, ratings.source
"""
_CORRECTIONS = f"""
SELECT picks.seq, corrections.payload, {_DELIVERY}
FROM (SELECT seq, id FROM sound_picks WHERE {{where}} ORDER BY seq DESC LIMIT ?) AS picks
JOIN sound_corrections AS corrections ON corrections.pick_id = picks.id
LEFT JOIN outbox ON outbox.id = corrections.id
"""
_APPROVED = "id IN (SELECT pick_id FROM sound_decisions WHERE decision = 'approved')"
_UNRATED = "id NOT IN (SELECT pick_id FROM ratings) AND id NOT IN (SELECT pick_id FROM corrections)"
# Not an older one if the newest was damaged and set aside.
_NEWEST_EVER = "seq = (SELECT seq FROM sqlite_sequence WHERE name = 'picks')"
_ALL = -1


_Kept = TypeVar("_Kept", Pick, Feedback)


class ApplianceSide(ModelRecords):
    """What the appliance reads and writes."""

    def record_pick(
        self,
        pick: Pick,
        slate: bytes | None = None,
        verification_id: str | None = None,
    ) -> None:
        """Write a pick, its slate, and a request to verify it, in one transaction.

        Args:
            pick: with an id made at capture.
            slate: whatever is needed to show the slate again; never interpreted here.
            verification_id: of the request to have the cloud score it too; None for no request.
        """
        with self.transaction() as connection:
            made = connection.execute(
                "INSERT INTO picks (id, made_at, payload, slate) VALUES (?, ?, ?, ?)",
                (pick.id, pick.made_at, encode(pick), slate),
            )
            seal(connection, "picks", made.lastrowid)
            if verification_id is not None:
                request = VerificationRequest(verification_id, pick.model_hash, (pick.combination,))
                _ask_to_verify(connection, request, (pick.prediction.expected,))

    def record_decision(self, pick_id: str, decision: Decision, decided_at: str) -> bool:
        """Record the decision on a pick. Repeating it is harmless.

        Returns:
            Whether this was new.
        """
        with self.transaction() as connection:
            connection.execute(
                f"DELETE FROM decisions WHERE pick_id = ? AND NOT {sound('decisions')}", (pick_id,)
            )
            made = connection.execute(
                "INSERT OR IGNORE INTO decisions (pick_id, decision, decided_at) VALUES (?, ?, ?)",
                (pick_id, decision, decided_at),
            )
            if made.rowcount == 1:
                seal(connection, "decisions", pick_id)
                copy_approval(connection, pick_id)
            return made.rowcount == 1

    def record_rating(self, feedback: Feedback) -> bool:
        """Write a rating or a correction, and its outbox row, in one transaction.

        Repeating it is harmless. The record gets its place here: the journal's id and its number
        in the outbox.

        Returns:
            Whether this was new.

        Raises:
            AlreadyRated: the pick has another rating from the same source.
            RatingChanged: what it replaces isn't the rating that counts.
            TooManyCorrections: so many are kept, and no more.
            ConflictingRecord: the id is taken by a rating with other contents.
            JournalFull: no space is left; nothing has been changed.
        """
        encode(feedback)  # what is wrong is refused before anything is written
        with self.transaction() as connection:
            return write_rating(connection, feedback)

    def request_sync(
        self,
        request_id: str,
        verification: VerificationRequest | None = None,
        scores: tuple[float, ...] = (),
    ) -> None:
        """Ask the sync service to connect, send and look for work now; and to verify, if given.

        Args:
            request_id: of the request to synchronise.
            verification: rows to be scored by the cloud.
            scores: the device's own scores of these rows, for comparison.
        """
        with self.transaction() as connection:
            if verification is not None:
                _ask_to_verify(connection, verification, scores)
            made = connection.execute(
                "INSERT INTO requests (id, kind, payload) VALUES (?, 'sync', ?)",
                (request_id, b"{}"),
            )
            seal(connection, "requests", made.lastrowid)

    def verified_after(self, seq: int) -> list[tuple[int, Any]]:
        """Return sequence number and result of each verification finished since, oldest first."""
        found = self.rows(
            "SELECT seq, result FROM sound_requests"
            " WHERE kind = 'verify' AND state = 'done' AND seq > ? ORDER BY seq",
            seq,
        )
        return [(number, _json(result)) for number, result in found]

    def history(self, limit: int = _ALL) -> list[HistoryEntry]:
        """Return the newest picks with decisions and ratings, newest first."""
        return self._entries("1", limit)

    def feedback(self) -> list[tuple[str, bytes]]:
        """Return id and payload of every rating and correction, as the cloud gets them."""
        return self.rows(
            "SELECT id, payload FROM sound_ratings UNION ALL"
            " SELECT id, payload FROM sound_corrections"
        )

    def awaiting_rating(self) -> list[HistoryEntry]:
        """Return approved picks without any rating, newest first."""
        return self._entries(f"{_APPROVED} AND {_UNRATED}", _ALL)

    def waiting_pick(self) -> Pick | None:
        """Return the newest pick if it waits for a decision."""
        newest = self._entries(_NEWEST_EVER, 1)
        return newest[0].pick if newest and newest[0].decision is None else None

    def find_pick(self, pick_id: str) -> HistoryEntry | None:
        """Return one pick with everything known about it."""
        found = self._entries("id = ?", 1, pick_id)
        return found[0] if found else None

    def slate_of(self, pick_id: str) -> bytes | None:
        """Return what `record_pick` was given as the slate."""
        return slate_of(self, pick_id)

    def approved_combinations(self) -> set[Combination]:
        """Return the combinations already made: they are never offered again."""
        found = self.rows(f"SELECT payload FROM sound_picks WHERE {_APPROVED}")
        picks = (_readable(payload, Pick) for (payload,) in found)
        return {pick.combination for pick in picks if pick is not None}

    def sync_state(self) -> dict[str, Any]:
        """Return everything the sync service has reported."""
        found = self.rows("SELECT key, value FROM sound_sync_state")
        return {key: _json(value) for key, value in found}

    def set_bad_rows_aside(self, found_at: str, seconds: float | None = None) -> BadRows:
        """Set damaged rows aside, so that they aren't used; see `BadRows`.

        Args:
            found_at: the time, as text.
            seconds: stop looking after this long; None looks at every row.
        """
        return set_bad_rows_aside(self, found_at, seconds)

    def count_bad_rows(self) -> tuple[Counter[str], Counter[str]]:
        """Return how many rows are damaged now, and how many were set aside, by kind."""
        return count_bad(self), set_aside_before(self)

    def prune(self, keep_picks: int) -> int:
        """Delete picks beyond the newest `keep_picks`, and finished requests as old.

        Approved picks, ratings and the outbox are never touched: no film is offered twice and no
        feedback is lost.

        Returns:
            How many picks were deleted.
        """
        with self.transaction() as connection:
            deleted = connection.execute(
                "DELETE FROM picks"
                " WHERE seq NOT IN (SELECT seq FROM picks ORDER BY seq DESC LIMIT ?)"
                " AND id NOT IN (SELECT pick_id FROM decisions)"
                " AND id NOT IN (SELECT pick_id FROM ratings)"
                " AND id NOT IN (SELECT pick_id FROM corrections)",
                (keep_picks,),
            )
            connection.execute(
                "DELETE FROM requests WHERE state = 'done' AND seq NOT IN"
                " (SELECT seq FROM requests ORDER BY seq DESC LIMIT ?)",
                (keep_picks,),
            )
            return deleted.rowcount

    def _entries(self, where: str, limit: int, *values: object) -> list[HistoryEntry]:
        entries: dict[int, HistoryEntry] = {}
        for seq, payload, decision, *rating, feedback in self.rows(
            _ENTRIES.format(where=where), *values, limit
        ):
            if seq not in entries:
                pick = _readable(payload, Pick)
                if pick is None:
                    continue
                entries[seq] = HistoryEntry(seq, pick, decision, ())
            if rating[0] is not None:
                entry = entries[seq]
                exact = _readable(feedback, Feedback)
                fields = (*rating, exact.rating if exact is not None else None)
                more = (*entry.ratings, Rating(*fields))
                entries[seq] = msgspec.structs.replace(entry, ratings=more)
        corrections: defaultdict[int, list[tuple[Feedback, Delivery]]] = defaultdict(list)
        for seq, payload, delivery in self.rows(_CORRECTIONS.format(where=where), *values, limit):
            correction = _readable(payload, Feedback)
            if correction is not None and seq in entries:
                corrections[seq].append((correction, delivery))
        for seq, found in corrections.items():
            entries[seq] = with_corrections(entries[seq], found)
        return list(entries.values())


def _readable(payload: bytes, kind: type[_Kept]) -> _Kept | None:
    # A row from before checksums may be damaged.
    try:
        return decode(payload, kind)
    except InvalidRecord:
        return None


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def _ask_to_verify(
    connection: sqlite3.Connection, request: VerificationRequest, scores: tuple[float, ...]
) -> None:
    made = connection.execute(
        "INSERT INTO requests (id, kind, payload, scores) VALUES (?, 'verify', ?, ?)",
        (request.request_id, encode(request), msgspec.json.encode(scores).decode()),
    )
    seal(connection, "requests", made.lastrowid)
