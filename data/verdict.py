"""The verdict on a retrained model: release it or refuse it, with reasons and figures.

Training writes it as `verdict.json` next to the new bundle, for people and as a first filter. The
judge in the cloud writes its own, a `Judgement`, and only what that one releases is signed.
"""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

import msgspec

from data import wire
from data.checks import (
    SCHEMA_VERSION,
    check_counts,
    check_finite,
    check_schema,
    check_sha256,
    check_version,
)
from data.errors import InvalidRecord

VERDICT = "verdict.json"
MAX_VERDICT_BYTES = 1024 * 1024

Decision: TypeAlias = Literal["release", "refuse"]
Part: TypeAlias = Literal["feedback", "trained", "holdout"]
Figure: TypeAlias = Literal["rmse", "log_loss", "regret"]


class ModelIdentity(msgspec.Struct, frozen=True):
    """One of the two models compared: its version, or the one it would get, and its hash.

    Attributes:
        model_hash: None if the candidate was never made: the verdict was certain without it.
    """

    version: int
    model_hash: str | None = None

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a model's identity."""
        check_version(f"{prefix}version", self.version)
        if self.model_hash is not None:
            check_sha256(f"{prefix}model_hash", self.model_hash)


class Comparison(msgspec.Struct, frozen=True):
    """One figure of both models on the same films. Less is better for every figure.

    Attributes:
        part: `feedback`, the held-out ratings; `trained`, ratings that train, each predicted by a
            fit of the candidate that had not seen it, though the incumbent may have; or `holdout`,
            films of the table by directors whom no owner has rated, each predicted by a fit that
            had not seen it.
        films: how many.
        difference: candidate less incumbent.
        low, high: the ends of the difference's interval.
        level: the interval's level, as 0.95; left out by an older writer, whose are all 0.95.
    """

    part: Part
    figure: Figure
    films: int
    incumbent: float
    candidate: float
    difference: float
    low: float
    high: float
    level: float | msgspec.UnsetType = msgspec.UNSET

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a comparison."""
        check_counts(prefix, self, "films")
        for field in ("incumbent", "candidate", "difference", "low", "high"):
            check_finite(f"{prefix}{field}", getattr(self, field))


class Check(msgspec.Struct, frozen=True):
    """A check in addition to the comparisons: parity, size, latency, calibration."""

    name: str
    passed: bool
    found: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The decision, with its evidence.

    Attributes:
        reasons: one sentence each, for a person: why it is refused, or why it is released.
        name: the models' name, as in their manifests.
        training_set: the SHA-256 of the training set (its manifest's `sha256`); in a judgement, of
            the ratings and films it was judged on.
        look: which look at the held-out ratings this was against the incumbent, from 1.
        counts: of the training set: films of the table, ratings that train, ratings held out, ...
    """

    decision: Decision
    reasons: tuple[str, ...]
    name: str
    candidate: ModelIdentity
    incumbent: ModelIdentity
    training_set: str
    counts: dict[str, int]
    comparisons: tuple[Comparison, ...]
    checks: tuple[Check, ...]
    created_at: str
    look: int | msgspec.UnsetType = msgspec.UNSET
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a verdict."""
        check_schema(prefix, self.schema_version)
        if not self.reasons:
            raise InvalidRecord(f"{prefix}reasons", "is empty; give at least one sentence")
        self.candidate.check(f"{prefix}candidate.")
        self.incumbent.check(f"{prefix}incumbent.")
        check_sha256(f"{prefix}training_set", self.training_set)
        for index, comparison in enumerate(self.comparisons):
            comparison.check(f"{prefix}comparisons[{index}].")
        if self.released and self.candidate.model_hash is None:
            raise InvalidRecord(f"{prefix}candidate.model_hash", "is missing; what is released?")

    @property
    def released(self) -> bool:
        """Whether to release the candidate."""
        return self.decision == "release"


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The judge's verdict on exactly one output of a training job.

    Attributes:
        archive_sha256: of the `model.tar.gz` that was judged; no other may be released with it.
    """

    job: str
    archive_sha256: str
    verdict: Verdict
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a judgement."""
        check_schema(prefix, self.schema_version)
        check_sha256(f"{prefix}archive_sha256", self.archive_sha256)
        self.verdict.check(f"{prefix}verdict.")

    @property
    def sha256(self) -> str:
        """The SHA-256 of the record as the judge writes it: a released manifest names it."""
        return hashlib.sha256(wire.encode(self, MAX_VERDICT_BYTES)).hexdigest()
