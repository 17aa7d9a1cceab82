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
    check_label,
    check_length,
    check_schema,
    check_sha256,
    check_short,
    check_unique,
    check_version,
)
from data.domain import FILMS, Domain
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
from data.picks import HowPicked, Pick
from data.text import plain

Source: TypeAlias = Literal["owner", "simulated"]
OutcomeKind: TypeAlias = Literal["stored", "duplicate", "rejected"]


# Each record has its own version. Version 1 lacks the fields in _SINCE_2 and can't withdraw.
FEEDBACK_VERSION = 2
_SINCE_2 = (
    *("policy", "propensity", "slate", "explored"),
    *("domain", "outcome", "replaces", "sequence", "stack"),
)


class JournalPlace(msgspec.Struct, frozen=True):
    """A record's place in its device's journal: an order without a clock.

    Attributes:
        journal: the journal's random id; numbers of two journals can't be compared.
        number: of the record in the journal's outbox; it only grows.
    """

    journal: str
    number: int

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a place in a journal."""
        check_id(f"{prefix}journal", self.journal)
        if not 1 <= self.number <= limits.MAX_SEQUENCE_NUMBER:
            raise InvalidRecord(
                f"{prefix}number", f"is {self.number}; give 1 to {limits.MAX_SEQUENCE_NUMBER}"
            )


class Feedback(HowPicked, frozen=True, kw_only=True):
    """The real rating of a film that was picked and made, its correction or its withdrawal.

    Attributes:
        id: made when the rating was given; the same for every resend.
        stars: None withdraws the rating that this record replaces.
        source: `simulated` ratings train nothing unless asked for.
        rating: with decimals, where the owner gave them.
        explored: offered to learn from it, not because it was the best.
        domain: what the rating is about, by its name; left out for films.
        outcome: as the owner gave it, on the domain's own scale.
        replaces: the id of the rating of the same pick that this one takes the place of.
        sequence: which of two records of a device is newer.
        stack: which the device belonged to when it was rated.
    """

    id: str
    thing: str
    pick_id: str
    title: str
    director: str
    year: int
    genres: Genres
    expected: float
    stars: int | None
    source: Source
    model_version: int
    model_hash: str
    rated_at: str
    boot_id: str
    rating: float | None = None
    explored: bool | msgspec.UnsetType = msgspec.UNSET
    domain: str | msgspec.UnsetType = msgspec.UNSET
    outcome: float | msgspec.UnsetType = msgspec.UNSET
    replaces: str | msgspec.UnsetType = msgspec.UNSET
    sequence: JournalPlace | msgspec.UnsetType = msgspec.UNSET
    stack: str | msgspec.UnsetType = msgspec.UNSET
    # Of a record that doesn't say so.
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def on(
        cls,
        pick: Pick,
        stars: float | None,
        *,
        thing: str,
        source: Source,
        rated_at: str,
        boot_id: str,
        replaces: str | None = None,
        domain: Domain = FILMS,
    ) -> Feedback:
        """Return the feedback on a pick, with a new id; it gets its place from the journal.

        Args:
            pick: the film that was made.
            stars: may have decimals; None withdraws the rating that it replaces.
            thing: the device's name.
            source: who rated it.
            rated_at: the time, as text.
            boot_id: this boot's id.
            replaces: the id of the rating that it takes the place of, if there is one.
            domain: what the rating is about.
        """
        is_film = domain == FILMS
        return cls(
            schema_version=FEEDBACK_VERSION,
            policy=pick.policy,
            propensity=pick.propensity,
            slate=pick.slate,
            explored=pick.explored,
            domain=msgspec.UNSET if is_film else domain.name,
            outcome=(
                msgspec.UNSET if is_film or stars is None else domain.outcome.of_rating(stars)
            ),
            replaces=msgspec.UNSET if replaces is None else replaces,
            id=new_id(),
            thing=thing,
            pick_id=pick.id,
            title=pick.title,
            director=pick.director,
            year=pick.year,
            genres=pick.genres,
            expected=pick.prediction.expected,
            stars=None if stars is None else stars_of(stars),
            source=source,
            model_version=pick.model_version,
            model_hash=pick.model_hash,
            rated_at=rated_at,
            boot_id=boot_id,
            rating=None if stars is None or stars == stars_of(stars) else float(stars),
        )

    @property
    def withdraws(self) -> bool:
        """Whether this takes a rating back and gives none."""
        return self.stars is None

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't valid feedback."""
        check_schema(prefix, self.schema_version, FEEDBACK_VERSION)
        if self.schema_version == 1:
            self._check_is_version_1(prefix)
        check_id(f"{prefix}id", self.id)
        check_id(f"{prefix}pick_id", self.pick_id)
        topics.check_thing(self.thing)
        check_text(f"{prefix}title", self.title)
        check_text(f"{prefix}director", self.director)
        check_year(f"{prefix}year", self.year)
        check_genres(f"{prefix}genres", self.genres)
        check_finite(f"{prefix}expected", self.expected)
        check_rating(f"{prefix}rating", self.rating)
        check_counts(prefix, self, "model_version")
        check_sha256(f"{prefix}model_hash", self.model_hash)
        check_short(f"{prefix}rated_at", self.rated_at, limits.MAX_TIME_TEXT)
        check_short(f"{prefix}boot_id", self.boot_id, limits.MAX_BOOT_ID)
        if self.stars is not None:
            check_stars(f"{prefix}stars", self.stars)
        else:
            self._check_withdrawal(prefix)
        self._check_since_2(prefix)

    def _check_is_version_1(self, prefix: str) -> None:
        for name in _SINCE_2:
            if getattr(self, name) is not msgspec.UNSET:
                raise InvalidRecord(f"{prefix}{name}", "isn't in version 1; say version 2")

    def _check_withdrawal(self, prefix: str) -> None:
        if self.replaces is msgspec.UNSET:
            raise InvalidRecord(
                f"{prefix}stars", "is null but replaces nothing; give 1 to 10, or a rating's id"
            )
        if self.rating is not None:
            raise InvalidRecord(f"{prefix}rating", "is given, but `stars` is null; leave it out")
        if self.outcome is not msgspec.UNSET:
            raise InvalidRecord(f"{prefix}outcome", "is given, but `stars` is null; leave it out")

    def _check_since_2(self, prefix: str) -> None:
        super().check(prefix)
        if self.domain is not msgspec.UNSET:
            check_label(f"{prefix}domain", self.domain)
        if self.outcome is not msgspec.UNSET:
            check_finite(f"{prefix}outcome", self.outcome)
        if self.replaces is not msgspec.UNSET:
            check_id(f"{prefix}replaces", self.replaces)
            if self.replaces == self.id:
                raise InvalidRecord(f"{prefix}replaces", "is the record's own id; name another")
        if self.sequence is not msgspec.UNSET:
            self.sequence.check(f"{prefix}sequence.")
        if self.stack is not msgspec.UNSET:
            check_label(f"{prefix}stack", self.stack, limits.MAX_STACK_NAME)


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
    """The cloud's answer to a batch: only after this may the device delete a record.

    Attributes:
        reads: the newest version of feedback that the cloud knows; left out by one that knows
            version 1 only. What it rejects of a newer one isn't the record's fault.
    """

    outcomes: tuple[FeedbackOutcome, ...]
    reads: int | msgspec.UnsetType = msgspec.UNSET
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't an ack."""
        check_schema(prefix, self.schema_version)
        check_length(f"{prefix}outcomes", len(self.outcomes), limits.MAX_BATCH_RECORDS)
        check_unique(f"{prefix}outcomes", [outcome.id for outcome in self.outcomes])
        if self.reads is not msgspec.UNSET:
            check_counts(prefix, self, "reads")


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
