"""Feedback on its way up: the pure part.

One batch is in flight until the application (not the broker) has acknowledged each of its records;
only then does a record leave the outbox. Whatever goes wrong is repaired by sending again, and the
cloud counts each id once. When answers fail to come, batches shrink, down to single records, and a
record that never gets an answer is passed over until the others are through: one poisonous record
blocks nothing.

A record is sent as it was captured, byte for byte, but for one thing: this device's name. The
certificate is the authority for it, and a rating may be older than the certificate.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from cloud_sync.connection import Backoff
from data import limits, wire
from data.errors import InvalidRecord
from data.messages import Ack, FeedbackBatch
from edge.journal import OutboxRow

# Room for the batch's own brackets, commas and schema version.
_ENVELOPE_BYTES = 64
# An answer takes what the cloud takes; waits for it double up to this many times.
_MOST_DOUBLINGS = 4


class _Addressed(msgspec.Struct):
    id: str
    thing: str


_Fields = dict[str, msgspec.Raw]


class ReadOutbox(msgspec.Struct, frozen=True):
    """Read the oldest waiting records."""

    limit: int


class Acknowledge(msgspec.Struct, frozen=True):
    """Delete these records from the outbox: the cloud has them."""

    ids: tuple[str, ...]


class Quarantine(msgspec.Struct, frozen=True):
    """Put a record aside: it can never be accepted as it is."""

    id: str
    reason: str


class SendFeedback(msgspec.Struct, frozen=True):
    """Publish a batch."""

    payload: bytes


FeedbackCommand = ReadOutbox | Acknowledge | Quarantine | SendFeedback


class Uplink:
    """Which records to send, and when to send them again."""

    def __init__(self, thing: str, ack_timeout_seconds: float, rng: random.Random) -> None:
        self._thing = thing
        self._backoff = Backoff(ack_timeout_seconds, ack_timeout_seconds * 2**_MOST_DOUBLINGS)
        self._rng = rng
        self._limit = limits.MAX_BATCH_RECORDS
        self._in_flight: set[str] = set()
        self._unanswered: set[str] = set()
        self._passed_over: set[str] = set()
        self._reading = False
        self._timeouts = 0
        self._deadline = 0.0
        self._paused_until = 0.0

    @property
    def busy(self) -> bool:
        """Whether a batch is in flight or being read."""
        return self._reading or bool(self._in_flight)

    def offline(self) -> None:
        """The connection ended: the batch may or may not have arrived; it will be sent again."""
        self._in_flight.clear()
        self._reading = False

    def look(self, now: float) -> list[FeedbackCommand]:
        """Something may wait in the outbox and we are online."""
        if self.busy or now < self._paused_until:
            return []
        self._reading = True
        return [ReadOutbox(self._limit + len(self._passed_over))]

    def found(self, rows: Sequence[OutboxRow], now: float) -> list[FeedbackCommand]:
        """The outbox's oldest records have been read."""
        self._reading = False
        if self._in_flight:
            return []
        self._passed_over &= {row.id for row in rows}
        waiting = [row for row in rows if row.id not in self._passed_over]
        if not waiting:
            if self._passed_over:
                # Only stubborn ones are left: they get their turn again.
                self._passed_over.clear()
                return self.look(now)
            return []
        return self._send(waiting[: self._limit], now)

    def acknowledged(self, payload: bytes, now: float) -> list[FeedbackCommand]:
        """The cloud answered. Answers about records we did not send change nothing.

        Raises:
            InvalidRecord: the payload isn't an ack.
        """
        ack = wire.decode(payload, Ack)
        ours = [outcome for outcome in ack.outcomes if outcome.id in self._unanswered]
        if not ours:
            return []
        commands: list[FeedbackCommand] = []
        kept = tuple(one.id for one in ours if one.outcome != "rejected")
        if kept:
            commands.append(Acknowledge(kept))
        commands += [
            Quarantine(one.id, one.reason or "rejected by the cloud")
            for one in ours
            if one.outcome == "rejected"
        ]
        answered = {one.id for one in ours}
        self._unanswered -= answered
        self._passed_over -= answered
        if not self._in_flight:
            return commands
        self._in_flight -= answered
        if not self._in_flight:
            self._timeouts = 0
            self._limit = min(self._limit * 2, limits.MAX_BATCH_RECORDS)
            commands += self.look(now)
        return commands

    def failed(self, now: float) -> None:
        """The journal could not be read or written: wait, it may recover."""
        self._reading = False
        self._paused_until = now + self._backoff.base_seconds

    def tick(self, now: float) -> list[FeedbackCommand]:
        """Time has passed: give up waiting for an answer that is late."""
        if not self._in_flight or now < self._deadline:
            return []
        self._timeouts += 1
        if self._limit == 1:
            self._passed_over |= self._in_flight
        self._limit = max(1, self._limit // 2)
        self._in_flight.clear()
        return self.look(now)

    def _send(self, rows: Sequence[OutboxRow], now: float) -> list[FeedbackCommand]:
        commands: list[FeedbackCommand] = []
        records: list[msgspec.Raw] = []
        ids: set[str] = set()
        size = _ENVELOPE_BYTES
        for row in rows:
            try:
                payload = self._under_our_name(row)
            except InvalidRecord as error:
                commands.append(Quarantine(row.id, str(error)))
                continue
            size += len(payload) + 1
            if records and size > limits.MAX_PAYLOAD_BYTES:
                break
            records.append(msgspec.Raw(payload))
            ids.add(row.id)
        if not records:
            return commands + self.look(now)
        self._in_flight = ids
        self._unanswered = ids | (self._unanswered & {row.id for row in rows})
        self._deadline = now + self._wait()
        return [*commands, SendFeedback(wire.encode(FeedbackBatch(tuple(records))))]

    def _under_our_name(self, row: OutboxRow) -> bytes:
        """Return the record as it is sent. Raise InvalidRecord if nobody could answer for it.

        It was checked when it was captured, and the cloud checks it again; what it rejects is
        quarantined then. Here only what the answer hangs on must be right.
        """
        payload = row.payload
        try:
            payload.decode()
            record = msgspec.json.decode(payload, type=_Addressed)
            if record.thing != self._thing:
                # Rated before the device was connected, or renamed. The other fields stay as they
                # were written, so that every resend is the same.
                named = msgspec.Raw(msgspec.json.encode(self._thing))
                fields = msgspec.json.decode(payload, type=_Fields) | {"thing": named}
                payload = msgspec.json.encode(fields)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRecord("payload", f"isn't a record: {error}") from error
        if record.id != row.id:
            raise InvalidRecord("id", f"is {record.id!r}; the outbox calls it {row.id!r}")
        if len(payload) > limits.MAX_PAYLOAD_BYTES - _ENVELOPE_BYTES:
            raise InvalidRecord("payload", f"takes {len(payload)} bytes; too many for a batch")
        return payload

    def _wait(self) -> float:
        # At least the timeout itself, so that a slow answer is not overtaken by its own resend.
        extra = self._backoff.delay(self._timeouts, self._rng) if self._timeouts else 0.0
        return self._backoff.base_seconds + extra
