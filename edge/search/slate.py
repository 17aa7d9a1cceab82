"""A slate: what there is to choose from, as its owner says it. Light: it travels with commands."""

from __future__ import annotations

from typing import Literal

import msgspec

from data.errors import GreenlightError
from data.films import KINDS, MAX_GENRES, Kind

# By default a director whose last film is older than this, counted from the model's newest film,
# isn't expected to make the next one.
ACTIVE_WITHIN_YEARS = 10


class InvalidSlate(GreenlightError, ValueError):
    """The slate is invalid; the message says what is wrong and what to do about it."""


class Directors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is available. Everyone who was active lately, unless narrowed.

    Attributes:
        names: only these, however long ago they were active.
        at_least_films: only those with so many films.
        active_within: in the next film's years, only those whose last film is at most so many
            years older than the model's newest.
        draw: a random draw of so many of the rest.
    """

    names: tuple[str, ...] = ()
    at_least_films: int = 0
    draw: int | None = None
    active_within: int = ACTIVE_WITHIN_YEARS


class Years(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which years. Those of the next film, unless others are named: any calendar year will do.

    Attributes:
        first, last: a range, both included; an open end is the end of the training years.
        only: single years instead.
        every: all the years that the model learned from.
        draw: a random draw of so many of the rest.
    """

    first: int | None = None
    last: int | None = None
    only: tuple[int, ...] = ()
    draw: int | None = None
    every: bool = False

    @property
    def is_next(self) -> bool:
        """Whether no years were asked for: then they are those of the next film."""
        return self.first is None and self.last is None and not self.only and not self.every


class Genres(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which genres. Every set of one to three, unless narrowed.

    Attributes:
        allowed: only these.
        required: all of these in every film.
        at_most: so many in one film.
        draw: a random draw of so many genre sets.
    """

    allowed: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    at_most: int = MAX_GENRES
    draw: int | None = None


class LeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A combination that was already made."""

    director: str
    year: int
    genres: tuple[str, ...]


class Slate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What there is to choose from. As it stands: plausible next films.

    Attributes:
        sample: what a press scores of it: `all` that matches, or 36 drawn from it, of the `next`
            film's years or, as the original did, of `any` years of the directors' careers.
        kinds: only directors who have made one of these.
        plausible: only of the director's own genres, and within three years of their career;
            the career of who was active lately goes on.
        leave_out: combinations that were already made.
    """

    directors: Directors = Directors()
    years: Years = Years()
    genres: Genres = Genres()
    kinds: tuple[Kind, ...] = ("film",)
    plausible: bool = True
    leave_out: tuple[LeftOut, ...] = ()
    sample: Literal["all", "next", "any"] = "all"

    @classmethod
    def everything(cls) -> Slate:
        """Return the slate without any restriction."""
        return cls(years=Years(every=True), kinds=KINDS, plausible=False)

    @classmethod
    def from_toml(cls, text: bytes | str) -> Slate:
        """Return the slate that a TOML document describes.

        Raises:
            InvalidSlate: naming the entry.
        """
        try:
            return msgspec.toml.decode(text, type=cls)
        except msgspec.ValidationError as error:
            raise InvalidSlate(describe(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidSlate(f"This isn't TOML: {error}") from error

    @property
    def draws(self) -> bool:
        """Whether chance has a part in it."""
        parts = (self.directors, self.years, self.genres)
        return self.sample != "all" or any(part.draw is not None for part in parts)


def describe(error: msgspec.ValidationError) -> str:
    """Say which entry of a slate is wrong, as the person who wrote it knows the entry."""
    reason, _, path = str(error).partition(" - at `$.")
    *table, key = path.rstrip("`").split(".")
    where = f"`{key}` in [{'.'.join(table)}]" if table else f"`{key}`"
    return f"{where}: {reason}" if key else reason
