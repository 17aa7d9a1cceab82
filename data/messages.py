"""The messages between a device and the cloud.

Each has an integer `schema_version`, which grows when a reader of the old form would misread the
new one; a golden example of each version is in `data/golden` and is never edited.
"""

from __future__ import annotations

import json
from typing import Literal, TypeAlias

import msgspec

from data import limits, topics, wire
from data.checks import (
    SCHEMA_VERSION,
    check_counts,
    check_finite,
    check_id,
    check_length,
    check_schema,
    check_sha256,
    check_unique,
    check_version,
)
from data.errors import InvalidRecord
from data.films import (
    Combination,
    Genres,
    check_genres,
    check_rating,
    check_stars,
    check_text,
    check_year,
    stars_of,
)
from data.ids import new_id
from data.picks import Pick
from data.text import plain

Source: TypeAlias = Literal["owner", "simulated"]
OutcomeKind: TypeAlias = Literal["stored", "duplicate", "rejected"]


class Feedback(msgspec.Struct, frozen=True):
    """The real rating of a film that was picked and made.

    Attributes:
        id: made when the rating was given; the same for every resend.
        source: `simulated` ratings train nothing unless asked for.
        rating: with decimals, where the owner gave them.
    """

    id: str
    thing: str
    pick_id: str
    title: str
    director: str
    year: int
    genres: Genres
    expected: float
    stars: int
    source: Source
    model_version: int
    model_hash: str
    rated_at: str
    boot_id: str
    rating: float | None = None
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def on(
        cls, pick: Pick, stars: float, *, thing: str, source: Source, rated_at: str, boot_id: str
    ) -> Feedback:
        """Return the feedback on a pick, with a new id; `stars` may have decimals."""
        return cls(
            id=new_id(),
            thing=thing,
            pick_id=pick.id,
            title=pick.title,
            director=pick.director,
            year=pick.year,
            genres=pick.genres,
            expected=pick.prediction.expected,
            stars=stars_of(stars),
            source=source,
            model_version=pick.model_version,
            model_hash=pick.model_hash,
            rated_at=rated_at,
            boot_id=boot_id,
            rating=float(stars) if stars != stars_of(stars) else None,
        )

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't valid feedback."""
        check_schema(prefix, self.schema_version)
        check_id(f"{prefix}id", self.id)
        check_id(f"{prefix}pick_id", self.pick_id)
        topics.check_thing(self.thing)
        check_text(f"{prefix}title", self.title)
        check_text(f"{prefix}director", self.director)
        check_year(f"{prefix}year", self.year)
        check_genres(f"{prefix}genres", self.genres)
        check_finite(f"{prefix}expected", self.expected)
        check_stars(f"{prefix}stars", self.stars)
        check_rating(f"{prefix}rating", self.rating)
        check_counts(prefix, self, "model_version")
        check_sha256(f"{prefix}model_hash", self.model_hash)


class FeedbackBatch(msgspec.Struct, frozen=True):
    """Feedback on its way up: 1 to 200 records, each still as JSON.

    A device resends a record as it was captured, byte for byte, and the cloud judges each one
    alone, so one bad record never holds up its neighbours. Nothing here looks inside them.
    """

    records: tuple[msgspec.Raw, ...]
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def of(cls, *records: Feedback) -> FeedbackBatch:
        """Return a batch of these records."""
        return cls(tuple(msgspec.Raw(msgspec.json.encode(record)) for record in records))

    @classmethod
    def read(cls, payload: bytes) -> FeedbackBatch:
        """Read a batch, even one in which a single record isn't JSON.

        A record with something JSON doesn't have (NaN, half a surrogate) makes the whole message
        invalid, which would keep its neighbours on the device forever. So a more lenient parser
        then splits the message, and only the bad record is refused when it is read.

        Raises:
            InvalidRecord: this isn't a batch.
        """
        try:
            return wire.decode(payload, cls)
        except InvalidRecord as strict:
            if not isinstance(strict.__cause__, msgspec.DecodeError | UnicodeDecodeError):
                raise
            try:
                loose = json.loads(payload)
                loose["records"] = [
                    msgspec.Raw(json.dumps(record).encode()) for record in loose["records"]
                ]
                return wire.convert(loose, cls)
            except (ValueError, RecursionError, TypeError, KeyError):
                raise strict from None

    def feedback(self) -> tuple[Feedback, ...]:
        """Return the records, read and checked.

        Raises:
            InvalidRecord: naming the first one at fault by its place: `records[3].stars`.
        """
        records = []
        for index, raw in enumerate(self.records):
            try:
                records.append(wire.decode(bytes(raw), Feedback))
            except InvalidRecord as error:
                raise InvalidRecord(f"records[{index}].{error.field}", error.reason) from error
        check_unique("records", [record.id for record in records])
        return tuple(records)

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a batch."""
        check_schema(prefix, self.schema_version)
        check_length(f"{prefix}records", len(self.records), limits.MAX_BATCH_RECORDS)


class FeedbackOutcome(msgspec.Struct, frozen=True):
    """The outcome of one feedback record; `reason` is given if it was rejected."""

    id: str
    outcome: OutcomeKind
    reason: str | None = None

    def __post_init__(self) -> None:
        """Make the cloud's words safe to show."""
        if self.reason is not None:
            msgspec.structs.force_setattr(self, "reason", plain(self.reason))


class Ack(msgspec.Struct, frozen=True):
    """The cloud's answer to a batch: only after this may the device delete a record."""

    outcomes: tuple[FeedbackOutcome, ...]
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't an ack."""
        check_schema(prefix, self.schema_version)
        check_length(f"{prefix}outcomes", len(self.outcomes), limits.MAX_BATCH_RECORDS)
        check_unique(f"{prefix}outcomes", [outcome.id for outcome in self.outcomes])


class VerificationRequest(msgspec.Struct, frozen=True):
    """Rows for the cloud to score with the model of this hash."""

    request_id: str
    model_hash: str
    rows: tuple[Combination, ...]
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a request."""
        check_schema(prefix, self.schema_version)
        check_id(f"{prefix}request_id", self.request_id)
        check_sha256(f"{prefix}model_hash", self.model_hash)
        check_length(f"{prefix}rows", len(self.rows), limits.MAX_VERIFICATION_ROWS)
        for index, row in enumerate(self.rows):
            row.check(f"{prefix}rows[{index}].")


class VerificationReply(msgspec.Struct, frozen=True):
    """The cloud's scores, one per row in the request's order; or why there are none.

    Attributes:
        model_hash: of the model that scored; empty when none did.
        error: what went wrong, for people; then `scores` is empty.
    """

    request_id: str
    model_hash: str
    scores: tuple[float, ...] = ()
    error: str | None = None
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        """Make the cloud's words safe to show."""
        if self.error is not None:
            msgspec.structs.force_setattr(self, "error", plain(self.error))

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a reply."""
        check_schema(prefix, self.schema_version)
        check_id(f"{prefix}request_id", self.request_id)
        if self.error is not None:
            return
        check_sha256(f"{prefix}model_hash", self.model_hash)
        check_length(f"{prefix}scores", len(self.scores), limits.MAX_VERIFICATION_ROWS)
        for index, score in enumerate(self.scores):
            check_finite(f"{prefix}scores[{index}]", score)


class ModelUpdateJob(msgspec.Struct, frozen=True):
    """The document of the IoT Job for a new model."""

    op: Literal["model-update"]
    version: int
    bucket: str
    prefix: str
    manifest_sha256: str
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a valid job."""
        check_schema(prefix, self.schema_version)
        check_version(f"{prefix}version", self.version)
        check_text(f"{prefix}bucket", self.bucket)
        check_text(f"{prefix}prefix", self.prefix)
        if not self.prefix.endswith("/") or ".." in self.prefix or self.prefix.startswith("/"):
            raise InvalidRecord(f"{prefix}prefix", "isn't a plain folder ending in a slash")
        check_sha256(f"{prefix}manifest_sha256", self.manifest_sha256)


class ShadowReport(msgspec.Struct, frozen=True):
    """What a device reports about itself in its named shadow `model`.

    Attributes:
        state: one word: `ready`, `updating`, `attention`, `no-model`.
        last_verification: outcome of the last comparison with the cloud, or None.
        outbox_oldest_seconds: age of the oldest unsent rating by the device's clock, or None.
        outbox_quarantined: how many ratings were rejected; earlier devices don't report it.
    """

    version: int
    model_hash: str
    state: str
    outbox_depth: int
    uptime_seconds: float
    software_version: str
    disk_free_bytes: int
    last_verification: str | None = None
    outbox_oldest_seconds: float | None = None
    temperature_celsius: float | None = None
    outbox_quarantined: int | msgspec.UnsetType = msgspec.UNSET
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a report."""
        check_schema(prefix, self.schema_version)
        check_counts(prefix, self, "version", "outbox_depth", "uptime_seconds", "disk_free_bytes")
        if self.outbox_quarantined is not msgspec.UNSET:
            check_counts(prefix, self, "outbox_quarantined")
        check_text(f"{prefix}state", self.state)
