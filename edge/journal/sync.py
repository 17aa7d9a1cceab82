"""The sync service's side of the journal: read the outbox, answer requests, offer models."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from data.checks import check_version
from data.errors import InvalidRecord
from edge.journal.checksums import expression, seal, sound
from edge.journal.file import JournalError, JournalStore
from edge.journal.rows import Activation, OutboxRow, Request, RequestKind

_HEARTBEAT, _QUESTION = "heartbeat", "question"


class SyncSide(JournalStore):
    """What the sync service reads and writes."""

    def peek_outbox(self, limit: int) -> list[OutboxRow]:
        """Return the oldest feedback records not yet acknowledged, in the order of capture."""
        found = self.rows(
            "SELECT seq, id, captured_at, payload FROM sound_outbox"
            " WHERE state = 'pending' ORDER BY seq LIMIT ?",
            limit,
        )
        return [OutboxRow(*row) for row in found]

    def acknowledge(self, ids: Sequence[str]) -> int:
        """Delete outbox rows once the cloud has confirmed that they are stored; the ratings remain.

        Unknown ids are ignored: an ack may come twice.

        Returns:
            How many rows were deleted.
        """
        with self.transaction() as connection:
            marks = ",".join("?" * len(ids))
            return connection.execute(f"DELETE FROM outbox WHERE id IN ({marks})", ids).rowcount

    def captured_at(self, ids: Sequence[str]) -> list[str]:
        """Return when each of these records that still waits was captured, in any order."""
        marks = ",".join("?" * len(ids))
        found = self.rows(f"SELECT captured_at FROM outbox WHERE id IN ({marks})", *ids)
        return [captured for (captured,) in found]

    def waiting_by_hour(self) -> list[tuple[str, int]]:
        """Return the hours, such as `2026-11-27T06`, in which waiting records were captured."""
        return self.rows(
            "SELECT substr(captured_at, 1, 13), count(*) FROM outbox"
            " WHERE state = 'pending' GROUP BY 1 ORDER BY 1"
        )

    def quarantine(self, feedback_id: str, reason: str) -> bool:
        """Set aside a record that the cloud rejected, so that it doesn't block the next one.

        Returns:
            Whether the record was there and waiting.
        """
        changed = expression("outbox", state="'quarantined'", reason="?1")
        with self.transaction() as connection:
            made = connection.execute(
                f"UPDATE outbox SET state = 'quarantined', reason = ?1, checksum = {changed}"
                f" WHERE id = ?2 AND state = 'pending' AND {sound('outbox')}",
                (reason, feedback_id),
            )
            return made.rowcount == 1

    def quarantined(self) -> list[OutboxRow]:
        """Return the records the cloud refused, with the reason, oldest first."""
        found = self.rows(
            "SELECT seq, id, captured_at, payload, reason FROM sound_outbox"
            " WHERE state = 'quarantined' ORDER BY seq"
        )
        return [OutboxRow(*row) for row in found]

    def quarantined_count(self) -> int:
        """Return how many records were set aside, without reading them all."""
        # Both numbers come from an index.
        waiting, every = self.rows(
            "SELECT (SELECT count(*) FROM outbox WHERE state = 'pending'),"
            " (SELECT count(*) FROM outbox)"
        )[0]
        return int(every - waiting)

    def retry_quarantined(self) -> int:
        """Return every record set aside to the outbox, in its old place: the cause was fixed.

        Returns:
            How many there were.
        """
        changed = expression("outbox", state="'pending'", reason="NULL")
        with self.transaction() as connection:
            return connection.execute(
                f"UPDATE outbox SET state = 'pending', reason = NULL, checksum = {changed}"
                f" WHERE state = 'quarantined' AND {sound('outbox')}"
            ).rowcount

    def outbox_depth(self) -> tuple[int, str | None]:
        """Return how many records are waiting, and when the oldest was captured, by our clock."""
        count = self.rows("SELECT count(*) FROM outbox WHERE state = 'pending'")[0][0]
        oldest = self.peek_outbox(1)
        return count, oldest[0].captured_at if oldest else None

    def pending_requests(self, wanted: RequestKind | None = None) -> list[Request]:
        """Return the appliance's pending requests, oldest first."""
        kinds = ("verify", "sync") if wanted is None else (wanted, wanted)
        found = self.rows(
            "SELECT seq, id, kind, payload, scores FROM sound_requests"
            " WHERE state = 'pending' AND kind IN (?, ?) ORDER BY seq",
            *kinds,
        )
        return [
            Request(seq, name, kind, payload, msgspec.json.decode(scores, type=tuple[float, ...]))
            for seq, name, kind, payload, scores in found
        ]

    def finish_request(self, seq: int, result: object) -> None:
        """Mark a request as done, with its result (anything JSON can hold).

        Repeating is harmless: the first result is kept.
        """
        changed = expression("requests", state="'done'", result="?1")
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE requests SET state = 'done', result = ?1, checksum = {changed}"
                f" WHERE seq = ?2 AND state = 'pending' AND {sound('requests')}",
                (msgspec.json.encode(result).decode(), seq),
            )

    def set_sync_state(self, key: str, value: object) -> None:
        """Report something JSON can hold to the appliance; write only what has changed."""
        text = msgspec.json.encode(value).decode()
        if self.rows("SELECT 1 FROM sound_sync_state WHERE key = ? AND value = ?", key, text):
            return
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO sync_state (key, value) VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, text),
            )
            seal(connection, "sync_state", key)

    def heartbeat(self, at: str) -> None:
        """Say that the sync service lives, and answer a question that was asked."""
        question = self.sync_state_of(_QUESTION)
        self.set_sync_state(_HEARTBEAT, {"at": at, "answers": question})

    def is_asked(self) -> bool:
        """Return whether somebody waits for a heartbeat."""
        heartbeat = self.sync_state_of(_HEARTBEAT)
        answered = heartbeat.get("answers") if isinstance(heartbeat, dict) else None
        return self.sync_state_of(_QUESTION) != answered

    def ask_sync_service(self, question: str) -> None:
        """Ask for a heartbeat now, which will name this question."""
        self.set_sync_state(_QUESTION, question)

    def sync_service_answered(self, question: str) -> bool:
        """Return whether the last heartbeat names this question."""
        heartbeat = self.sync_state_of(_HEARTBEAT)
        return isinstance(heartbeat, dict) and heartbeat.get("answers") == question

    def sync_state_of(self, key: str) -> object:
        """Return one of the sync service's reports, or None."""
        found = self.rows("SELECT value FROM sound_sync_state WHERE key = ?", key)
        try:
            return msgspec.json.decode(found[0][0]) if found else None
        except msgspec.DecodeError:
            return None

    def offer_model(self, version: int, manifest_sha256: str, job_id: str, folder: str) -> int:
        """Offer a finished download to the appliance; an offer still open for the job is replaced.

        Args:
            version: of the manifest.
            manifest_sha256: of the manifest, from the job.
            job_id: of the IoT Job, returned with the activation.
            folder: the download's name inside `incoming/`, no path.

        Returns:
            The offer's sequence number.

        Raises:
            JournalError: the version is out of range, or the journal can't be written.
        """
        try:
            check_version("version", version)
        except InvalidRecord as error:
            raise JournalError(f"a model can't be offered: {error}") from error
        with self.transaction() as connection:
            connection.execute(
                "DELETE FROM incoming WHERE job_id = ? AND state = 'offered'", (job_id,)
            )
            made = connection.execute(
                "INSERT INTO incoming (version, manifest_sha256, job_id, folder)"
                " VALUES (?, ?, ?, ?)",
                (version, manifest_sha256, job_id, folder),
            )
            seal(connection, "incoming", made.lastrowid)
            return int(made.lastrowid or 0)

    def activations_after(self, seq: int) -> list[Activation]:
        """Return the outcomes of offered models since sequence number `seq`, oldest first."""
        found = self.rows(
            "SELECT seq, version, model_hash, outcome, reason, job_id, manifest_sha256, recorded_at"
            " FROM sound_activations WHERE seq > ? ORDER BY seq",
            seq,
        )
        return [Activation(*row) for row in found]
