"""Every record that crosses a process or the network, as JSON.

Each record has an integer `schema_version`, which grows when a reader of the old form would
misread the new one; a golden example of each version lies in `data/golden` and is never edited.
Unknown fields are tolerated, so that a newer writer may add some; wrong ones are refused by name.
"""

from __future__ import annotations

import math
import re
import uuid
from collections import Counter
from typing import Literal, Protocol, TypeAlias, TypeVar

import msgspec
import uuid6

from data import limits, topics
from data.errors import InvalidRecord
from data.films import (
    Combination,
    Genres,
    check_genres,
    check_rating,
    check_stars,
    check_text,
    check_year,
)

SCHEMA_VERSION = 1

Source: TypeAlias = Literal["owner", "simulated"]
OutcomeKind: TypeAlias = Literal["stored", "duplicate", "rejected"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_STARS = 10
_PROBABILITY_SUM_TOLERANCE = 1e-3


def new_id() -> str:
    """Return a new UUIDv7; make it where the event happens."""
    return str(uuid6.uuid7())


def check_id(field: str, value: str) -> None:
    """Refuse anything but a UUID in its usual written form.

    Raises:
        InvalidRecord: naming `field`.
    """
    try:
        usual = value == str(uuid.UUID(value))
    except ValueError:
        usual = False
    if not usual:
        raise InvalidRecord(field, f"is {value[:60]!r}; give a UUID as data.wire.new_id makes it")


def check_sha256(field: str, value: str) -> None:
    """Refuse anything but 64 lower-case hexadecimal digits.

    Raises:
        InvalidRecord: naming `field`.
    """
    if not _SHA256.fullmatch(value):
        raise InvalidRecord(field, "is not a SHA-256 in 64 lower-case hexadecimal digits")


def _check_finite(field: str, value: float) -> None:
    if not math.isfinite(value):
        raise InvalidRecord(field, f"is {value}; give a finite number")


def _check_counts(prefix: str, record: object, *fields: str) -> None:
    for field in fields:
        if getattr(record, field) < 0:
            raise InvalidRecord(f"{prefix}{field}", "is negative; give zero or more")


def _check_schema(prefix: str, version: int) -> None:
    if version != SCHEMA_VERSION:
        raise InvalidRecord(
            f"{prefix}schema_version",
            f"is {version}; this software reads version {SCHEMA_VERSION}: update it",
        )


class Prediction(msgspec.Struct, frozen=True):
    """What the model says of one combination.

    Attributes:
        expected: expected stars, the graph's float32 to the last bit; may lie outside of 1 to 10.
        probabilities: of one to ten stars.
        score: the integer behind `expected`, by which combinations are ranked; None where a
            model without tables gave the prediction.
    """

    expected: float
    probabilities: tuple[float, ...]
    score: int | None = None

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this is no prediction."""
        _check_finite(f"{prefix}expected", self.expected)
        if len(self.probabilities) != _STARS:
            raise InvalidRecord(
                f"{prefix}probabilities", f"holds {len(self.probabilities)} numbers; give {_STARS}"
            )
        for index, value in enumerate(self.probabilities):
            if not 0 <= value <= 1:
                raise InvalidRecord(f"{prefix}probabilities[{index}]", f"is {value}; give 0 to 1")
        if abs(math.fsum(self.probabilities) - 1) > _PROBABILITY_SUM_TOLERANCE:
            raise InvalidRecord(f"{prefix}probabilities", "do not add up to 1")


class Pick(msgspec.Struct, frozen=True):
    """The best film of a slate, as it was offered.

    Attributes:
        made_at: by the device's clock; information only, since a Pi has no clock battery.
        boot_id: the device's random number of this boot; information only.
        explored: True when the pick was drawn to learn from, not because it was the best.
    """

    id: str
    title: str
    director: str
    year: int
    genres: Genres
    prediction: Prediction
    model_version: int
    model_hash: str
    made_at: str
    boot_id: str
    explored: bool = False
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this is no pick."""
        _check_schema(prefix, self.schema_version)
        check_id(f"{prefix}id", self.id)
        check_text(f"{prefix}title", self.title)
        Combination(self.director, self.year, self.genres).check(prefix)
        self.prediction.check(f"{prefix}prediction.")
        _check_counts(prefix, self, "model_version")
        check_sha256(f"{prefix}model_hash", self.model_hash)

    @property
    def combination(self) -> Combination:
        """What was picked."""
        return Combination(self.director, self.year, self.genres)


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

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this is no feedback."""
        _check_schema(prefix, self.schema_version)
        check_id(f"{prefix}id", self.id)
        check_id(f"{prefix}pick_id", self.pick_id)
        topics.check_thing(self.thing)
        check_text(f"{prefix}title", self.title)
        check_text(f"{prefix}director", self.director)
        check_year(f"{prefix}year", self.year)
        check_genres(f"{prefix}genres", self.genres)
        _check_finite(f"{prefix}expected", self.expected)
        check_stars(f"{prefix}stars", self.stars)
        check_rating(f"{prefix}rating", self.rating)
        _check_counts(prefix, self, "model_version")
        check_sha256(f"{prefix}model_hash", self.model_hash)


class FeedbackBatch(msgspec.Struct, frozen=True):
    """Feedback on its way up: 1 to 200 records, each id once."""

    records: tuple[Feedback, ...]
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this is no batch."""
        _check_schema(prefix, self.schema_version)
        _check_length(f"{prefix}records", len(self.records), limits.MAX_BATCH_RECORDS)
        for index, record in enumerate(self.records):
            record.check(f"{prefix}records[{index}].")
        _check_unique(f"{prefix}records", [record.id for record in self.records])


class Outcome(msgspec.Struct, frozen=True):
    """What became of one feedback record; `reason` is given when it was rejected."""

    id: str
    outcome: OutcomeKind
    reason: str | None = None


class Ack(msgspec.Struct, frozen=True):
    """The cloud's answer to a batch: only after this may the device forget a record."""

    outcomes: tuple[Outcome, ...]
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this is no ack."""
        _check_schema(prefix, self.schema_version)
        _check_length(f"{prefix}outcomes", len(self.outcomes), limits.MAX_BATCH_RECORDS)
        _check_unique(f"{prefix}outcomes", [outcome.id for outcome in self.outcomes])


class VerificationRequest(msgspec.Struct, frozen=True):
    """Rows that the cloud shall score with the model of this hash."""

    request_id: str
    model_hash: str
    rows: tuple[Combination, ...]
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this is no request."""
        _check_schema(prefix, self.schema_version)
        check_id(f"{prefix}request_id", self.request_id)
        check_sha256(f"{prefix}model_hash", self.model_hash)
        _check_length(f"{prefix}rows", len(self.rows), limits.MAX_VERIFICATION_ROWS)
        for index, row in enumerate(self.rows):
            row.check(f"{prefix}rows[{index}].")


class VerificationReply(msgspec.Struct, frozen=True):
    """The cloud's scores, one a row in the request's order; or why there are none.

    Attributes:
        model_hash: of the model that scored; empty when none did.
        error: what went wrong, for a person; then `scores` is empty.
    """

    request_id: str
    model_hash: str
    scores: tuple[float, ...] = ()
    error: str | None = None
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this is no reply."""
        _check_schema(prefix, self.schema_version)
        check_id(f"{prefix}request_id", self.request_id)
        if self.error is not None:
            return
        check_sha256(f"{prefix}model_hash", self.model_hash)
        _check_length(f"{prefix}scores", len(self.scores), limits.MAX_VERIFICATION_ROWS)
        for index, score in enumerate(self.scores):
            _check_finite(f"{prefix}scores[{index}]", score)


class ModelUpdateJob(msgspec.Struct, frozen=True):
    """The document of the IoT Job that brings a new model."""

    op: Literal["model-update"]
    version: int
    bucket: str
    prefix: str
    manifest_sha256: str
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this is no such job."""
        _check_schema(prefix, self.schema_version)
        if self.version < 1:
            raise InvalidRecord(f"{prefix}version", f"is {self.version}; versions begin at 1")
        check_text(f"{prefix}bucket", self.bucket)
        check_text(f"{prefix}prefix", self.prefix)
        if not self.prefix.endswith("/") or ".." in self.prefix or self.prefix.startswith("/"):
            raise InvalidRecord(f"{prefix}prefix", "is no plain folder ending in a slash")
        check_sha256(f"{prefix}manifest_sha256", self.manifest_sha256)


class ShadowReport(msgspec.Struct, frozen=True):
    """What a device reports of itself in its named shadow `model`.

    Attributes:
        state: one word: `ready`, `updating`, `attention`, `no-model`.
        last_verification: outcome of the last comparison with the cloud, or None.
        outbox_oldest_seconds: age of the oldest unsent rating by the device's clock, or None.
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
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this is no report."""
        _check_schema(prefix, self.schema_version)
        _check_counts(prefix, self, "version", "outbox_depth", "uptime_seconds", "disk_free_bytes")
        check_text(f"{prefix}state", self.state)


class _Checked(Protocol):
    def check(self, prefix: str = "") -> None: ...


Record = TypeVar("Record", bound=_Checked)


def _check_length(field: str, length: int, most: int) -> None:
    if not 1 <= length <= most:
        raise InvalidRecord(field, f"holds {length} entries; give 1 to {most}")


def _check_unique(field: str, ids: list[str]) -> None:
    repeated = [name for name, times in Counter(ids).items() if times > 1]
    if repeated:
        raise InvalidRecord(field, f"repeats the id {repeated[0][:60]!r}; give each once")


_FIELD_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_FIELD_NAMED = re.compile(r"`(?P<name>[^`]+)`")


def _invalid(error: msgspec.ValidationError, kind: type[object]) -> InvalidRecord:
    """Turn msgspec's message into ours: the field's path first, then what is wrong."""
    message = str(error)
    at = _FIELD_AT.search(message)
    path = at["path"] if at else ""
    reason = message[: at.start()] if at else message
    if reason.startswith("Object missing required field"):
        missing = _FIELD_NAMED.search(reason)
        path = ".".join(part for part in (path, missing["name"] if missing else "") if part)
        return InvalidRecord(path, "is missing; give it")
    return InvalidRecord(path or kind.__name__, reason[:1].lower() + reason[1:])


def encode(record: _Checked, most_bytes: int = limits.MAX_PAYLOAD_BYTES) -> bytes:
    """Return a checked record as JSON.

    Raises:
        InvalidRecord: naming the field, or the record when it is over `most_bytes` long.
    """
    record.check()
    payload = msgspec.json.encode(record)
    if len(payload) > most_bytes:
        raise InvalidRecord(
            type(record).__name__, f"takes {len(payload)} bytes; at most {most_bytes} are allowed"
        )
    return payload


def decode(
    payload: bytes, kind: type[Record], most_bytes: int = limits.MAX_PAYLOAD_BYTES
) -> Record:
    """Return the record of this kind that `payload` holds, checked.

    Raises:
        InvalidRecord: naming the field, or the record when it is no JSON or over `most_bytes`.
    """
    if len(payload) > most_bytes:
        raise InvalidRecord(
            kind.__name__, f"takes {len(payload)} bytes; at most {most_bytes} are allowed"
        )
    try:
        record = msgspec.json.decode(payload, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(error, kind) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecord(kind.__name__, f"is no JSON: {error}") from error
    record.check()
    return record


def convert(value: object, kind: type[Record]) -> Record:
    """Return the record of this kind from JSON-like Python values, checked.

    Raises:
        InvalidRecord: naming the field.
    """
    try:
        record = msgspec.convert(value, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(error, kind) from error
    record.check()
    return record
