"""What the templates say of films, or of whatever else the model is about, and on which scale."""

from __future__ import annotations

from typing import Protocol

from data.domain import FILMS, Domain
from data.films import Genres
from edge.page.formatting import counted, signed
from edge.page.port import DirectorFound


class Titled(Protocol):
    """What a rating was given to."""

    @property
    def title(self) -> str:
        """The invented title."""

    @property
    def director(self) -> str:
        """Whose it is."""


class ShownFilm(Titled, Protocol):
    """A pick, or one of the others of its slate; its year as on the wire."""

    @property
    def year(self) -> int:
        """When, as on the wire."""

    @property
    def genres(self) -> Genres:
        """One to three tags."""


class ShownRating(Protocol):
    """A rating from 1 to 10; exact where that is known."""

    @property
    def stars(self) -> int:
        """From 1 to 10."""

    @property
    def rating(self) -> float | None:
        """Exact, where that is known."""


class Wording:
    """A domain's words, for the templates.

    Args:
        domain: what the active model is about.
    """

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.films = domain == FILMS

    def words(self, text: str) -> str:
        """Return a text about films in the domain's words."""
        return self.domain.reword(text)

    def count(self, number: int, one: str, many: str | None = None) -> str:
        """Return a number of something that is named as if it were about films."""
        return counted(number, self.words(one), self.words(many or f"{one}s"))

    def shown(self, rating: float, places: int = 2) -> str:
        """Return a rating on the domain's scale, with at least this many places."""
        return self.domain.shown_outcome(rating, max(places, self._step_places))

    def apart(self, stars: float, places: int = 1) -> str:
        """Return a difference of ratings on the domain's scale, without a sign."""
        return f"{self.domain.outcome.difference(stars):.{max(places, self._step_places)}f}"

    def by(self, stars: float) -> str:
        """Return a difference of ratings on the domain's scale, with its sign."""
        return signed(self.domain.outcome.difference(stars))

    @property
    def _step_places(self) -> int:
        return self.domain.outcome.decimals

    @property
    def unit(self) -> str:
        """The outcome's unit after a number, with a space before it, or nothing."""
        return self.domain.plain_unit

    @property
    def good(self) -> str:
        """From where an outcome is called good, with its unit."""
        return f"{self.domain.good_outcome}{self.unit}"

    def given(self, rating: ShownRating) -> str:
        """Return a rating as it was given, without its unit."""
        return self.domain.given_outcome(rating.stars, rating.rating)

    def given_with_unit(self, rating: ShownRating) -> str:
        """Return a rating as it was given: `8 stars`, `87 %`."""
        given = self.given(rating)
        return "1 star" if self.films and given == "1" else f"{given}{self.unit}"

    def title(self, one: Titled) -> str:
        """Return what a person calls one of these."""
        return self.domain.shown_title(one.title, one.director)

    def line(self, one: ShownFilm, *, named: bool = True) -> str:
        """Return whose, when and what it is, as far as the domain has these.

        Args:
            one: to describe.
            named: also say whose it is, where the title doesn't.
        """
        parts = [one.director] if named or self.domain.words.titles else []
        parts += [self.domain.named_ordinal(one.year)] if self.domain.ordinal else []
        parts += [", ".join(one.genres)] if self.domain.tags else []
        return " · ".join(parts)

    def career(self, one: DirectorFound) -> str:
        """Return how many films a director has made, and when."""
        made = self.count(one.films, "film")
        if not self.domain.ordinal:
            return made
        return f"{made}, {self.year(one.first_year)}–{self.year(one.last_year)}"

    def year(self, year: int) -> str:
        """Return a number from the wire as the domain's people know it."""
        return self.domain.shown_ordinal(year)
