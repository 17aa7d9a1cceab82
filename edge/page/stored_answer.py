"""The answer that was stored with a pick, as far as the page shows it.

Answers are kept for years: what newer software has added is ignored, and one that can't be read is
left out.
"""

from __future__ import annotations

import msgspec

from data.domain import FILMS, Domain
from data.films import Combination, Genres
from data.manifest import BestUnseen
from edge.caveat import caveat
from edge.search.explained import Why


class StoredFilm(msgspec.Struct, frozen=True):
    """A film that might have been made."""

    title: str
    director: str
    year: int
    genres: Genres

    @property
    def combination(self) -> Combination:
        """What is chosen with it."""
        return Combination(self.director, self.year, self.genres)


class StoredChoice(StoredFilm, frozen=True, kw_only=True):
    """One of the best films.

    Attributes:
        extrapolated: the year is outside of those that the model learned from.
        why: what director, year and genres add to the average film.
    """

    expected: float
    extrapolated: bool
    why: Why | None = None


class StoredSpace(msgspec.Struct, frozen=True, kw_only=True):
    """What was searched: how many combinations, directors, years and sets of genres."""

    size: int
    directors: int
    years: int
    first_year: int
    last_year: int
    genre_sets: int
    plausible: bool


# On disk the options of a slate are called candidates, as they always were.
class StoredSlate(msgspec.Struct, frozen=True, rename={"options": "candidates"}):
    """The slate of 36.

    Attributes:
        options: by director, then year, then genre set, each ascending.
    """

    genre_sets: tuple[Genres, ...]
    options: tuple[StoredFilm, ...]


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The best films of a slate, and how they were found.

    Attributes:
        picks: best first; an explored one before them.
        runner_up: the second best; the best where the first was explored.
        searched: through the tables, row by row, or a slate scored in one call.
        seconds: from the slate to the confirmed answer.
        explored: the first was sampled to learn from, and isn't the best.
        slate: the 36 films that were scored, if it was a slate of 36.
        expected: stars of the slate's options, in their order.
        best_unseen: what the model's best predictions came to when it hadn't seen the films.
    """

    picks: tuple[StoredChoice, ...]
    runner_up: StoredChoice | None
    space: StoredSpace
    searched: str
    seconds: float
    warnings: tuple[str, ...]
    explored: bool = False
    slate: StoredSlate | None = None
    expected: tuple[float, ...] = ()
    best_unseen: BestUnseen | None = None

    def caveat_in(self, domain: Domain = FILMS) -> str | None:
        """Return what to think of the best of very many; None for the best of 36."""
        if self.searched == "slate":
            return None
        return caveat(self.space.size, self.best_unseen, domain)


def read_answer(slate: bytes | None) -> StoredAnswer | None:
    """Return the answer stored with a pick; None if it's missing or unreadable."""
    if not slate:
        return None
    try:
        return msgspec.json.decode(slate, type=StoredAnswer)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
