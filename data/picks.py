"""A model's prediction for a combination, and the pick made from it."""

from __future__ import annotations

import math

import msgspec

from data.checks import (
    SCHEMA_VERSION,
    check_counts,
    check_finite,
    check_id,
    check_schema,
    check_sha256,
)
from data.errors import InvalidRecord
from data.films import MAX_STARS, Combination, Genres, check_text

_PROBABILITY_SUM_TOLERANCE = 1e-3


class Prediction(msgspec.Struct, frozen=True):
    """The model's prediction for one combination.

    Attributes:
        expected: expected stars, the graph's float32 to the last bit; may be outside 1 to 10.
        probabilities: of one to ten stars.
        score: the integer behind `expected`, by which combinations are ranked; None where a
            model without tables gave the prediction.
    """

    expected: float
    probabilities: tuple[float, ...]
    score: int | None = None

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a prediction."""
        check_finite(f"{prefix}expected", self.expected)
        if len(self.probabilities) != MAX_STARS:
            raise InvalidRecord(
                f"{prefix}probabilities",
                f"holds {len(self.probabilities)} numbers; give {MAX_STARS}",
            )
        for index, value in enumerate(self.probabilities):
            if not 0 <= value <= 1:
                raise InvalidRecord(f"{prefix}probabilities[{index}]", f"is {value}; give 0 to 1")
        if abs(math.fsum(self.probabilities) - 1) > _PROBABILITY_SUM_TOLERANCE:
            raise InvalidRecord(f"{prefix}probabilities", "doesn't add up to 1")


class Pick(msgspec.Struct, frozen=True):
    """The best film of a slate, as it was offered.

    Attributes:
        made_at: by the device's clock; information only, since a Pi has no clock battery.
        boot_id: the device's random number of this boot; information only.
        explored: True when the pick was sampled to learn from, not because it was the best.
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
        """Raise InvalidRecord, naming the field, if this isn't a pick."""
        check_schema(prefix, self.schema_version)
        check_id(f"{prefix}id", self.id)
        check_text(f"{prefix}title", self.title)
        Combination(self.director, self.year, self.genres).check(prefix)
        self.prediction.check(f"{prefix}prediction.")
        check_counts(prefix, self, "model_version")
        check_sha256(f"{prefix}model_hash", self.model_hash)

    @property
    def combination(self) -> Combination:
        """What was picked."""
        return Combination(self.director, self.year, self.genres)
