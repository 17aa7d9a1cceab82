"""The answer to "what is the best film to make?", as records for people and programs."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from data.domain import FILMS, Domain
from data.films import Combination, Genres, Kind
from data.manifest import BestUnseen
from data.picks import Prediction
from edge.caveat import caveat
from edge.search.drawn_slate import DrawnSlate
from edge.search.explained import Why

How: TypeAlias = Literal["tables", "rows", "slate", "file"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One film worth making.

    Attributes:
        expected: the model's float32 to the last bit.
        probabilities: of one to ten stars.
        score: the whole number behind `expected`; None if the model has none.
        eight_or_more: the probability of eight stars or more.
        extrapolated: the year is outside the years that the model learnt from.
        why: what director, year and genres add to the average film.
        drawn: stars sampled for its director on top, if the pick may be explored.
    """

    title: str
    director: str
    year: int
    genres: Genres
    expected: float
    probabilities: tuple[float, ...]
    score: int | None
    eight_or_more: float
    extrapolated: bool
    why: Why | None = None
    drawn: float | None = None

    @property
    def combination(self) -> Combination:
        """Its director, year and genres."""
        return Combination(self.director, self.year, self.genres)

    @property
    def prediction(self) -> Prediction:
        """The model's prediction, as the journal records it."""
        return Prediction(self.expected, self.probabilities, self.score)


class SpaceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was searched."""

    size: int
    directors: int
    years: int
    first_year: int
    last_year: int
    genre_sets: int
    plausible: bool
    kinds: tuple[Kind, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The best films of a slate, and how they were found.

    Attributes:
        picks: best first; an explored one before them.
        runner_up: the second best; the best where the first was explored.
        searched: through the tables, row by row, a slate scored in one call, or a file's rows.
        looked_at: how many combinations had to be added up.
        seconds: from the slate to the confirmed answer.
        fault: what is wrong, if tables and ONNX Runtime disagreed; the answer is still right.
        seed: of everything random.
        explored: the first was sampled to learn from, and isn't the best.
        best_unseen: how the model's best predictions of films it hadn't seen turned out.
    """

    picks: tuple[Choice, ...]
    runner_up: Choice | None
    space: SpaceSummary
    searched: How
    looked_at: int
    seconds: float
    warnings: tuple[str, ...]
    fault: str | None
    seed: int
    model_name: str
    model_version: int
    model_hash: str
    explored: bool = False
    best_unseen: BestUnseen | None = None

    @property
    def caveat(self) -> str | None:
        """A caveat about the best of very many films; None for the best of 36."""
        return self.caveat_in(FILMS)

    def caveat_in(self, domain: Domain) -> str | None:
        """Return the caveat about the best of very many, in a domain's words."""
        if self.searched == "slate":
            return None
        return caveat(self.space.size, self.best_unseen, domain)

    def to_json(self) -> bytes:
        """Return the answer as JSON, every number with every digit."""
        return msgspec.json.encode(self)


class SlateAnswer(Answer, frozen=True, kw_only=True):
    """The best of a slate of 36.

    Attributes:
        slate: what was scored.
        expected: stars of its options, in their order.
    """

    slate: DrawnSlate
    expected: tuple[float, ...]
