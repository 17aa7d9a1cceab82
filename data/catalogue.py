"""What a model knows: `catalogue.json` of a bundle. Rows of the tables are in its order."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from data.checks import SCHEMA_VERSION, check_finite, check_schema
from data.errors import InvalidRecord
from data.films import Kind
from data.text import is_plain


class YearRange(NamedTuple):
    """First and last year, both included."""

    first: int
    last: int


class DirectorEntry(msgspec.Struct, frozen=True):
    """A director as the training films show them.

    Attributes:
        films: how many films.
        genres: indices of their own genres in the catalogue's genres, ascending.
        kinds: the kinds of what they made.
    """

    name: str
    films: int
    first_year: int
    last_year: int
    genres: tuple[int, ...]
    kinds: tuple[Kind, ...]


class Background(msgspec.Struct, frozen=True):
    """One real combination of the sample that explanations are relative to."""

    director: str
    year: int
    genres: tuple[int, ...]


class Titles(msgspec.Struct, frozen=True):
    """What invented titles are made of, and must not repeat.

    Attributes:
        words: words of existing titles without stop words, in code-point order.
        existing: the existing titles that could be invented, in lower case without year and kind,
            in code-point order.
    """

    words: tuple[str, ...]
    existing: tuple[str, ...]


class Spread(msgspec.Struct, frozen=True):
    """How far apart directors are, and how far the ratings of one director's like films do.

    Attributes:
        between: the variance of directors around what year and genres let expect, in stars squared.
        within: the variance of a film's rating around what its director lets expect.
    """

    between: float
    within: float


# Of the film table `sample`; holds for bundles made before their catalogue had it.
USUAL_SPREAD = Spread(between=0.43, within=0.33)
MOST_VARIANCE = 100.0


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The names behind a model's numbers.

    Attributes:
        genres: in code-point order; genre g of the tables.
        directors: in code-point order; row d of the tables. The row after the last is for a
            director who is not among them.
        years: of the tables.
        training_years: of the films the model learnt from; later ones are extrapolation.
        spread: how sure the model is of a director; missing in earlier bundles.
    """

    genres: tuple[str, ...]
    directors: tuple[DirectorEntry, ...]
    years: YearRange
    training_years: YearRange
    titles: Titles
    background: tuple[Background, ...]
    spread: Spread | msgspec.UnsetType = msgspec.UNSET
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a catalogue."""
        check_schema(prefix, self.schema_version)
        _check_names(f"{prefix}genres", list(self.genres))
        _check_names(f"{prefix}directors", [director.name for director in self.directors])
        for name, years in (("years", self.years), ("training_years", self.training_years)):
            if years.first > years.last:
                raise InvalidRecord(f"{prefix}{name}", "begins after it ends")
        if not (
            self.years.first <= self.training_years.first
            and self.training_years.last <= self.years.last
        ):
            raise InvalidRecord(f"{prefix}training_years", "goes beyond the years of the tables")
        if self.spread is not msgspec.UNSET:
            _check_variance(f"{prefix}spread.between", self.spread.between, least=0.0)
            _check_variance(f"{prefix}spread.within", self.spread.within, least=1e-6)
        # Thousands of directors share a few genre tuples; a cold start waits for this check.
        fine: set[tuple[int, ...]] = set()
        parts: tuple[tuple[str, tuple[DirectorEntry | Background, ...]], ...] = (
            ("directors", self.directors),
            ("background", self.background),
        )
        for field, rows in parts:
            for index, row in enumerate(rows):
                if row.genres not in fine:
                    self._check_genres(f"{prefix}{field}[{index}].genres", row.genres)
                    fine.add(row.genres)

    def refuse_unsafe_names(self) -> None:
        """Refuse names that a terminal or a page would show as something else.

        Not part of `check`, so that a model already in use stays in use.

        Raises:
            InvalidRecord: naming the field.
        """
        parts = {
            "genres": self.genres,
            "directors": [one.name for one in self.directors],
            "titles": [*self.titles.words, *self.titles.existing],
        }
        for field, names in parts.items():
            if not is_plain("".join(names)):
                raise InvalidRecord(field, "holds a control or invisible character; remove it")

    def _check_genres(self, field: str, indices: tuple[int, ...]) -> None:
        if any(not 0 <= index < len(self.genres) for index in indices):
            raise InvalidRecord(field, "names a genre that the catalogue does not have")
        if list(indices) != sorted(set(indices)):
            raise InvalidRecord(field, "is not ascending without repeats")


def _check_variance(field: str, value: float, least: float) -> None:
    check_finite(field, value)
    if not least <= value <= MOST_VARIANCE:
        raise InvalidRecord(field, f"is {value}; give {least:g} to {MOST_VARIANCE:g}")


def _check_names(field: str, names: list[str]) -> None:
    if not names:
        raise InvalidRecord(field, "is empty")
    if names != sorted(set(names)):
        raise InvalidRecord(field, "is not in code-point order without repeats")
