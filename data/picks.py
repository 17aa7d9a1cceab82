"""A model's prediction for a combination, and the pick made from it."""

from __future__ import annotations

import math

import msgspec

from data import limits
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
)
from data.errors import InvalidRecord
from data.films import MAX_STARS, Combination, Genres, check_genres, check_text, check_year

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


# Policies, by which a pick is chosen.
GREEDY, THOMPSON = "greedy", "thompson"


class SlateGrid(msgspec.Struct, frozen=True):
    """What a pick was chosen from: each director in each year with each set of genres."""

    directors: tuple[str, ...]
    years: tuple[int, ...]
    sets: tuple[Genres, ...]

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a slate."""
        for name, entries in (
            ("directors", self.directors),
            ("years", self.years),
            ("sets", self.sets),
        ):
            check_length(f"{prefix}{name}", len(entries), limits.MAX_SLATE_ENTRIES)
            if len(set(entries)) != len(entries):
                raise InvalidRecord(f"{prefix}{name}", "repeats an entry; give each once")
        for index, director in enumerate(self.directors):
            check_text(f"{prefix}directors[{index}]", director)
        for index, year in enumerate(self.years):
            check_year(f"{prefix}years[{index}]", year)
        for index, genres in enumerate(self.sets):
            check_genres(f"{prefix}sets[{index}]", genres)


class HowPicked(msgspec.Struct, frozen=True):
    """How a pick was chosen: what learning from its rating without bias needs.

    Attributes:
        policy: by which it was chosen: `greedy` or `thompson`; later ones get other names.
        propensity: the probability that this option is picked, given slate, model and policy;
            left out where it isn't exactly known, as for a search of everything.
        slate: what it was chosen from; left out for a search of everything.
    """

    policy: str | msgspec.UnsetType = msgspec.UNSET
    propensity: float | msgspec.UnsetType = msgspec.UNSET
    slate: SlateGrid | msgspec.UnsetType = msgspec.UNSET

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this can't be."""
        if self.policy is not msgspec.UNSET:
            check_label(f"{prefix}policy", self.policy)
        if self.propensity is not msgspec.UNSET and not 0 < self.propensity <= 1:
            raise InvalidRecord(
                f"{prefix}propensity", f"is {self.propensity}; give a number above 0 up to 1"
            )
        if self.slate is not msgspec.UNSET:
            self.slate.check(f"{prefix}slate.")


class Pick(HowPicked, frozen=True, kw_only=True):
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
        super().check(prefix)
        check_id(f"{prefix}id", self.id)
        check_text(f"{prefix}title", self.title)
        Combination(self.director, self.year, self.genres).check(prefix)
        self.prediction.check(f"{prefix}prediction.")
        check_counts(prefix, self, "model_version")
        check_sha256(f"{prefix}model_hash", self.model_hash)
        check_short(f"{prefix}made_at", self.made_at, limits.MAX_TIME_TEXT)
        check_short(f"{prefix}boot_id", self.boot_id, limits.MAX_BOOT_ID)

    @property
    def combination(self) -> Combination:
        """What was picked."""
        return Combination(self.director, self.year, self.genres)
