"""A slate: what there is to choose from, as its owner says it. Light: it travels with commands."""

from __future__ import annotations

import msgspec

from data.errors import GreenlightError
from data.films import KINDS, MAX_GENRES, Kind


class InvalidSlate(GreenlightError, ValueError):
    """The slate is invalid; the message says what is wrong and what to do about it."""


class Directors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is available. Everyone, unless narrowed.

    Attributes:
        names: only these.
        at_least_films: only those with so many films.
        draw: a random draw of so many of the rest.
    """

    names: tuple[str, ...] = ()
    at_least_films: int = 0
    draw: int | None = None


class Years(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which years. Those of the training films, unless others are named, up to ten later.

    Attributes:
        first, last: a range, both included.
        only: single years instead.
        draw: a random draw of so many of the rest.
    """

    first: int | None = None
    last: int | None = None
    only: tuple[int, ...] = ()
    draw: int | None = None


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
    """What there is to choose from. As it stands: plausible films in the training years.

    Attributes:
        kinds: only directors who have made one of these.
        plausible: only within three years of a director's career, and of their own genres.
        leave_out: combinations that were already made.
    """

    directors: Directors = Directors()
    years: Years = Years()
    genres: Genres = Genres()
    kinds: tuple[Kind, ...] = ("film",)
    plausible: bool = True
    leave_out: tuple[LeftOut, ...] = ()

    @classmethod
    def everything(cls) -> Slate:
        """Return the slate without any restriction."""
        return cls(kinds=KINDS, plausible=False)

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
        return any(part.draw is not None for part in (self.directors, self.years, self.genres))


def describe(error: msgspec.ValidationError) -> str:
    """Say which entry of a slate is wrong, as the person who wrote it knows the entry."""
    reason, _, path = str(error).partition(" - at `$.")
    *table, key = path.rstrip("`").split(".")
    where = f"`{key}` in [{'.'.join(table)}]" if table else f"`{key}`"
    return f"{where}: {reason}" if key else reason
