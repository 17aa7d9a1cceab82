"""A slate: what to choose from, as the owner says it. Quick to import: it travels with commands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from data.errors import GreenlightError
from data.films import KINDS, MAX_GENRES, Combination, Kind, combination

# By default a director whose last film is older than this, counted from the model's newest film,
# isn't expected to make the next one.
ACTIVE_WITHIN_YEARS = 10


class InvalidSlate(GreenlightError, ValueError):
    """The slate is invalid; the message says what is wrong and what to do about it.

    Attributes:
        problems: everything that is wrong, one sentence each.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class Directors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which directors. Everyone who was active lately, unless narrowed.

    Attributes:
        names: only these, however long ago they were active.
        at_least_films: only those with at least this many films.
        active_within: in the next film's years, only those whose last film is at most this many
            years older than the model's newest.
        draw: this many of the rest, drawn at random.
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
        draw: a random draw of this many of the rest.
    """

    first: int | None = None
    last: int | None = None
    only: tuple[int, ...] = ()
    draw: int | None = None
    every: bool = False

    @property
    def is_next(self) -> bool:
        """Whether no years are given, which means those of the next film."""
        return self.first is None and self.last is None and not self.only and not self.every


class Genres(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which genres. Every set of one to three, unless narrowed.

    Attributes:
        allowed: only these.
        required: all of these in every film.
        at_most: this many in one film.
        draw: a random draw of this many genre sets.
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

    @property
    def combination(self) -> Combination:
        """Return it as a checked combination.

        Raises:
            InvalidRecord: naming what is wrong.
        """
        return combination(self.director, self.year, self.genres)


class Slate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to choose from. By default: plausible next films.

    Attributes:
        sample: what a press scores of it: `all` that matches, or 36 drawn from it, of the `next`
            film's years or, as the original did, of `any` years of the directors' careers.
        kinds: only directors who have made one of these.
        plausible: only of the director's own genres, and within three years of their career;
            recently active directors' careers continue.
        leave_out: combinations that were already made.
        rules: what goes with what and what is never made, as sentences (`edge.search.rules`).
    """

    directors: Directors = Directors()
    years: Years = Years()
    genres: Genres = Genres()
    kinds: tuple[Kind, ...] = ("film",)
    plausible: bool = True
    leave_out: tuple[LeftOut, ...] = ()
    sample: Literal["all", "next", "any"] = "all"
    rules: tuple[str, ...] = ()

    @classmethod
    def everything(cls) -> Slate:
        """Return the slate without any restriction."""
        return cls(years=Years(every=True), kinds=KINDS, plausible=False)

    @classmethod
    def from_toml(cls, text: bytes | str) -> Slate:
        """Return the slate that a TOML document describes.

        Raises:
            InvalidSlate: naming every entry that is wrong.
        """
        try:
            given = msgspec.toml.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidSlate(f"This isn't TOML: {error}") from error
        return cls.of(given)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Slate:
        """Return the slate of a document's tables and entries.

        Raises:
            InvalidSlate: naming every entry that is wrong.
        """
        if problems := list(_problems(given, cls, "")):
            raise InvalidSlate(problems)
        return msgspec.convert(given, cls)

    @property
    def draws(self) -> bool:
        """Whether anything in it is random."""
        parts = (self.directors, self.years, self.genres)
        return self.sample != "all" or any(part.draw is not None for part in parts)


_PARTS: Mapping[str, type[msgspec.Struct]] = {
    "directors": Directors,
    "years": Years,
    "genres": Genres,
    "leave_out": LeftOut,
}


def _problems(given: object, kind: type[msgspec.Struct], table: str) -> Iterator[str]:
    """Yield what is wrong with a table of the document, entry by entry."""
    if not isinstance(given, Mapping):
        yield f"[{table}]: give a table"
        return
    where = f" in [{table}]" if table else ""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for name, value in given.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(fields)}"
            yield f"`{name}`{where}: there's no such entry; {hint}"
        elif name == "leave_out" and isinstance(value, list | tuple):
            for number, film in enumerate(value, 1):
                yield from _problems(film, LeftOut, f"leave_out, number {number}")
        elif name in _PARTS and not table and name != "leave_out":
            yield from _problems(value, _PARTS[name], name)
        else:
            try:
                msgspec.convert(value, fields[name].type)
            except msgspec.ValidationError as error:
                yield f"`{name}`{where}: {_plainly(name, str(error), value)}"
    for name, field in fields.items():
        if field.required and name not in given:
            yield f"`{name}`{where} is missing; add it"


_EXPECTED = re.compile(r"Expected `(\w+)(?: \| null)?`")
_IN_WORDS = {
    "int": "a whole number",
    "str": "text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def _plainly(name: str, reason: str, value: object) -> str:
    """Return why a value is refused, in words for the person who wrote it."""
    if unknown := re.match(r"Invalid enum value ('.*?')", reason):
        *others, last = KINDS if name == "kinds" else ("all", "next", "any")
        return f"{unknown[1]} isn't one of {', '.join(others)} and {last}"
    expected = _EXPECTED.match(reason)
    wanted = _IN_WORDS.get(expected[1]) if expected else None
    inside = " in the list" if wanted and "`$[" in reason else ""
    return f"give {wanted}{inside}, not {value!r}" if wanted else reason
