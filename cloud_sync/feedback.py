"""Which feedback to send, and when. Pure.

One batch is in flight until the application (not the broker) has acknowledged each of its records;
only then does a record leave the outbox. Errors are repaired by sending again, and the cloud counts
each id once. When no ack comes, batches shrink down to single records, and a record that never gets
an answer is skipped until the others are through: one poisonous record blocks nothing.

A record is sent as it was captured, byte for byte, except for the device's name. The certificate
decides that name, and a rating may be older than the certificate.

Each record has its own version. If the cloud rejects one of a version that it doesn't know, the
stack is older than the device: the record waits in the outbox, and is tried again every hour.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import msgspec

from cloud_sync.connection import Backoff
from data import limits, wire
from data.checks import SCHEMA_VERSION
from data.errors import InvalidRecord
from data.messages import Ack, FeedbackBatch
from edge.journal import OutboxRow

# Room for the batch's own brackets, commas and schema version.
_ENVELOPE_BYTES = 64
# The wait for an answer doubles up to this many times.
_MOST_DOUBLINGS = 4
# How long records wait that the cloud can't read yet: it learns by being deployed again.
OUTDATED_CLOUD_SECONDS = 3600.0
CLOUD_OUTDATED = (
    "the cloud is too old for this device's ratings; they're kept, and sent within an hour once its"
    " operator has deployed the stack again (`greenlight-cloud stack up`), or as soon as you"
    " synchronise"
)
# The key of the journal's sync state under which that is reported.
FEEDBACK_STATE = "feedback"


class _Addressed(msgspec.Struct):
    id: str
    thing: str
    schema_version: int = SCHEMA_VERSION


_Fields = dict[str, msgspec.Raw]


class ReadOutbox(msgspec.Struct, frozen=True):
    """Read the oldest waiting records."""

    limit: int


class Acknowledge(msgspec.Struct, frozen=True):
    """Delete these records from the outbox: the cloud has them."""

    ids: tuple[str, ...]


class Quarantine(msgspec.Struct, frozen=True):
    """Set a record aside: it can never be accepted as it is."""

    id: str
    reason: str


class SendFeedback(msgspec.Struct, frozen=True):
    """Publish a batch."""

    payload: bytes


class CloudOutdated(msgspec.Struct, frozen=True):
    """Whether the cloud is too old for this device's ratings, which then wait; if it changed."""

    outdated: bool


FeedbackCommand = ReadOutbox | Acknowledge | Quarantine | SendFeedback | CloudOutdated


class Uplink:
    """Decides which records to send, and when to resend them."""

    def __init__(self, thing: str, ack_timeout_seconds: float, rng: random.Random) -> None:
        self._thing = thing
        self._backoff = Backoff(ack_timeout_seconds, ack_timeout_seconds * 2**_MOST_DOUBLINGS)
        self._rng = rng
        self._limit = limits.MAX_BATCH_RECORDS
        self._in_flight: set[str] = set()
        self._unanswered: set[str] = set()
        self._skipped: set[str] = set()
        self._versions: dict[str, int] = {}
        self._outdated: bool | None = None
        self._reading = False
        self._timeouts = 0
        self._deadline = 0.0
        self._paused_until = 0.0

    @property
    def busy(self) -> bool:
        """Whether a batch is in flight or being read."""
        return self._reading or bool(self._in_flight)

    def next_due(self, *, empty: bool) -> float:
        """Return when to look at the outbox or to send again; infinity if nothing is waiting.

        Args:
            empty: whether the outbox was empty when it was last read.
        """
        if self._in_flight:
            return self._deadline
        return math.inf if empty or self._reading else self._paused_until

    def offline(self) -> None:
        """The connection ended: the batch may or may not have arrived; it will be sent again."""
        self._in_flight.clear()
        self._reading = False

    def try_now(self) -> None:
        """Someone asked to synchronise: the cloud may have been deployed again since."""
        self._paused_until = 0.0

    def look(self, now: float) -> list[FeedbackCommand]:
        """We're online, and something may be waiting in the outbox."""
        if self.busy or now < self._paused_until:
            return []
        self._reading = True
        return [ReadOutbox(self._limit + len(self._skipped))]

    def found(self, rows: Sequence[OutboxRow], now: float) -> list[FeedbackCommand]:
        """The outbox's oldest records have been read."""
        self._reading = False
        if self._in_flight:
            return []
        self._skipped &= {row.id for row in rows}
        waiting = [row for row in rows if row.id not in self._skipped]
        if not waiting:
            if self._skipped:
                # Only skipped records are left: try them again.
                self._skipped.clear()
                return self.look(now)
            return []
        return self._send(waiting[: self._limit], now)

    def acknowledged(self, payload: bytes, now: float) -> list[FeedbackCommand]:
        """The cloud acknowledged records. Those that weren't sent are ignored.

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
        rejected = [one for one in ours if one.outcome == "rejected"]
        reads = SCHEMA_VERSION if ack.reads is msgspec.UNSET else ack.reads
        too_new = [one for one in rejected if self._versions.get(one.id, reads) > reads]
        commands += [
            Quarantine(one.id, one.reason or "rejected by the cloud")
            for one in rejected
            if one not in too_new
        ]
        if bool(too_new) != self._outdated:
            self._outdated = bool(too_new)
            commands.append(CloudOutdated(self._outdated))
        if too_new:
            self._paused_until = now + OUTDATED_CLOUD_SECONDS
        answered = {one.id for one in ours}
        self._unanswered -= answered
        self._skipped -= answered
        if not self._in_flight:
            return commands
        self._in_flight -= answered
        if not self._in_flight:
            self._timeouts = 0
            self._limit = min(self._limit * 2, limits.MAX_BATCH_RECORDS)
            commands += self.look(now)
        return commands

    def failed(self, now: float) -> None:
        """The journal couldn't be read or written: wait, it may recover."""
        self._reading = False
        # Longer, if the cloud can't read what waits.
        self._paused_until = max(self._paused_until, now + self._backoff.base_seconds)

    def tick(self, now: float) -> list[FeedbackCommand]:
        """Time has passed: stop waiting for a late answer."""
        if not self._in_flight or now < self._deadline:
            return []
        self._timeouts += 1
        if self._limit == 1:
            self._skipped |= self._in_flight
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
                payload = self._with_our_name(row)
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
        self._versions = {one: self._versions[one] for one in self._unanswered}
        self._deadline = now + self._wait()
        return [*commands, SendFeedback(wire.encode(FeedbackBatch(tuple(records))))]

    def _with_our_name(self, row: OutboxRow) -> bytes:
        """Return the record as it is sent. Raise InvalidRecord if the cloud couldn't answer it.

        It was checked when it was captured, and the cloud checks it again. Here only the fields
        that an answer depends on are checked.
        """
        payload = row.payload
        try:
            payload.decode()
            record = msgspec.json.decode(payload, type=_Addressed)
            if record.thing != self._thing:
                # Rated before the device was connected or renamed. The other fields stay as they
                # are, so every resend is identical.
                named = msgspec.Raw(msgspec.json.encode(self._thing))
                fields = msgspec.json.decode(payload, type=_Fields) | {"thing": named}
                payload = msgspec.json.encode(fields)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise wire.refusal(error, "the outbox's record") from error
        self._versions[row.id] = record.schema_version
        if record.id != row.id:
            raise InvalidRecord("id", f"is {record.id!r}; the outbox calls it {row.id!r}")
        if len(payload) > limits.MAX_PAYLOAD_BYTES - _ENVELOPE_BYTES:
            raise InvalidRecord("the record", f"is {len(payload)} bytes long; too long for a batch")
        return payload

    def _wait(self) -> float:
        # At least the timeout itself, so that a resend doesn't overtake a slow answer.
        extra = self._backoff.delay(self._timeouts, self._rng) if self._timeouts else 0.0
        return self._backoff.base_seconds + extra
