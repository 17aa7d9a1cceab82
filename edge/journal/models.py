"""The journal's records of models: which were offered, and the outcome of each."""

from __future__ import annotations

from edge.journal.checksums import expression, seal, sound
from edge.journal.file import JournalStore
from edge.journal.rows import IncomingModel, Outcome


class ModelRecords(JournalStore):
    """The appliance's records of models."""

    def incoming_models(self) -> list[IncomingModel]:
        """Return the offered models that are yet to be tried, oldest first."""
        found = self.rows(
            "SELECT seq, version, manifest_sha256, job_id, folder FROM sound_incoming"
            " WHERE state = 'offered' ORDER BY seq"
        )
        return [IncomingModel(*row) for row in found]

    def record_activation(
        self,
        version: int,
        model_hash: str,
        outcome: Outcome,
        recorded_at: str,
        reason: str | None = None,
        offer: IncomingModel | None = None,
    ) -> None:
        """Record the outcome of a model and, in the same transaction, settle its offer."""
        with self.transaction() as connection:
            made = connection.execute(
                "INSERT INTO activations"
                " (version, model_hash, outcome, reason, job_id, manifest_sha256, recorded_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    version,
                    model_hash,
                    outcome,
                    reason,
                    offer and offer.job_id,
                    offer and offer.manifest_sha256,
                    recorded_at,
                ),
            )
            seal(connection, "activations", made.lastrowid)
            if offer is not None:
                settled = expression("incoming", state="'settled'")
                connection.execute(
                    f"UPDATE incoming SET state = 'settled', checksum = {settled}"
                    f" WHERE seq = ? AND {sound('incoming')}",
                    (offer.seq,),
                )

    def last_activated(self) -> tuple[int, str] | None:
        """Return version and hash of the newest model activated and not rolled back since."""
        found = self.rows(
            "SELECT version, model_hash FROM sound_activations AS a WHERE outcome = 'activated'"
            " AND NOT EXISTS (SELECT 1 FROM sound_activations AS b WHERE b.seq > a.seq"
            "  AND b.outcome = 'rolled-back' AND b.version = a.version)"
            " ORDER BY seq DESC LIMIT 1"
        )
        return found[0] if found else None
