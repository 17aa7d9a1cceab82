"""What the model says of a film, as records that travel: the page reads them without numpy."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from data.domain import Domain
from data.films import Combination
from data.picks import Prediction

ChoiceName: TypeAlias = Literal["director", "year", "genres"]


class Why(msgspec.Struct, frozen=True):
    """Shares of expected stars: average + director + year + genres is `expected` to the last bit.

    Attributes:
        average: expected stars of the average background film.
        director, year, genres: what each adds to it, or takes.
    """

    average: float
    director: float
    year: float
    genres: float

    def in_domain(self, domain: Domain) -> Why:
        """Return it with what stand-ins add, where a domain lacks a part, in the average."""
        average = self.average
        average += 0.0 if domain.ordinal else self.year
        average += 0.0 if domain.tags else self.genres
        return msgspec.structs.replace(self, average=average)


class Better(msgspec.Struct, frozen=True):
    """The best plausible film that differs in one choice.

    Attributes:
        choice: which one.
        gain: by how many stars more is expected; negative if nothing better is plausible.
    """

    choice: ChoiceName
    film: Combination
    expected: float
    gain: float


class Explained(msgspec.Struct, frozen=True):
    """The model's explanation of any film.

    Attributes:
        eight_or_more: the probability of eight stars or more.
        why: what each choice adds to the average film.
        better: the best change of each choice, best first; there are none for an unknown director.
        notes: what to bear in mind, one sentence each.
    """

    film: Combination
    prediction: Prediction
    eight_or_more: float
    why: Why
    better: tuple[Better, ...]
    notes: tuple[str, ...]

    def to_json(self) -> bytes:
        """Return it as JSON, every number with every digit."""
        return msgspec.json.encode(self)
