"""The journal's rows as frozen records."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from data.picks import Pick

Decision: TypeAlias = Literal["approved"]
RequestKind: TypeAlias = Literal["verify", "sync"]
Outcome: TypeAlias = Literal["activated", "refused", "rolled-back"]
Delivery: TypeAlias = Literal["waiting", "stored", "quarantined"]


class OutboxRow(msgspec.Struct, frozen=True):
    """A feedback record that the cloud hasn't acknowledged yet. `seq` gives the order."""

    seq: int
    id: str
    captured_at: str
    payload: bytes
    reason: str | None = None


class Request(msgspec.Struct, frozen=True):
    """A request from the appliance to the sync service.

    Attributes:
        payload: the encoded `VerificationRequest`, or an empty object for `sync`.
        scores: the device's own `expected` for each row of a verification, to compare with.
    """

    seq: int
    id: str
    kind: RequestKind
    payload: bytes
    scores: tuple[float, ...]


class IncomingModel(msgspec.Struct, frozen=True):
    """A finished download, yet to be tried. `folder` is its name inside `incoming/`."""

    seq: int
    version: int
    manifest_sha256: str
    job_id: str
    folder: str


class Activation(msgspec.Struct, frozen=True):
    """The outcome of an offered model."""

    seq: int
    version: int
    model_hash: str
    outcome: Outcome
    reason: str | None
    job_id: str | None
    manifest_sha256: str | None
    recorded_at: str


class Rating(msgspec.Struct, frozen=True):
    """The rating that counts of a source, and its delivery state.

    Attributes:
        rating: with decimals, if the owner gave any.
        corrections: how often it was corrected before.
    """

    id: str
    stars: int
    source: str
    rated_at: str
    delivery: Delivery
    rating: float | None = None
    corrections: int = 0


class Withdrawal(msgspec.Struct, frozen=True):
    """A rating that its owner took back, and the delivery state of that."""

    id: str
    source: str
    withdrawn_at: str
    delivery: Delivery


class HistoryEntry(msgspec.Struct, frozen=True):
    """A pick with its decision, the ratings that count, and the one that was withdrawn."""

    seq: int
    pick: Pick
    decision: Decision | None
    ratings: tuple[Rating, ...]
    withdrawal: Withdrawal | None = None
