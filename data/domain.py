"""A table's subject and vocabulary: `domain.toml`, signed into a bundle's manifest.

Greenlight chooses one of many (a film's director), a whole number in order (its year) and one to
three of a set (its genres), and learns from one outcome (its rating). On the wire and in the
journal these keep the films' names, and the outcome is 1 to 10. A domain says which columns of a
table they are and what a person calls them; its outcome's own scale is mapped onto 1 to 10 by a
straight line.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from data import wire
from data.checks import check_label, check_schema
from data.errors import InvalidRecord
from data.films import (
    GOOD_STARS,
    MAX_GENRES,
    MAX_STARS,
    MAX_YEAR,
    MIN_STARS,
    MIN_YEAR,
    Combination,
    check_text,
    combination,
)

DOMAIN_VERSION = 1
# Decimal places of a rating from 1 to 10.
_PLACES = 9
# Used if a table has no such column; never shown.
NO_ORDINAL = 2000
NO_TAG = "all"

_FILM_WORDS = re.compile(r"\b(?:(an?) )?(films?|directors?|years?|genres?|stars?)\b", re.IGNORECASE)
_MOST_WORD = 40
_MOST_COLUMNS = 20


class DomainChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One of many, as a film's director.

    Attributes:
        separator: where a cell names several, they are split there and the first counts.
    """

    column: str
    word: str
    words: str
    separator: str = ""


class DomainOrdinal(msgspec.Struct, frozen=True, kw_only=True):
    """Whole numbers in order, as a film's year.

    Attributes:
        context: the number isn't chosen but comes with the date, as the next film's year does.
        shift: added to a number on the wire and in the journal, which hold 1870 to 2200.
    """

    column: str
    word: str
    words: str
    context: bool = True
    shift: int = 0


class DomainTags(msgspec.Struct, frozen=True, kw_only=True):
    """One to three of a set, as a film's genres.

    Attributes:
        columns: one column, or several of which each holds a part of the set.
        separator: between the tags of a cell; empty where each cell holds one, or a JSON list.
        at_most: this many are kept of a row: the first ones.
        exclusive: sets of tags of which a row has at most one.
        keep: only this many of the most common tags are kept; None for all.
    """

    columns: tuple[str, ...]
    word: str
    words: str
    separator: str = ""
    at_most: int = MAX_GENRES
    exclusive: tuple[tuple[str, ...], ...] = ()
    keep: int | None = None


class DomainOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How it turned out, on its own scale: `low` is 1 star, `high` is 10.

    Attributes:
        step: between neighbouring values as people give them.
        good: from where an outcome is called good; None for eight of ten.
    """

    column: str
    low: float
    high: float
    step: float = 0.1
    unit: str = "points"
    good: float | None = None

    def to_rating(self, value: float) -> float:
        """Return the rating from 1 to 10 of a value on the domain's scale."""
        span = (value - self.low) / (self.high - self.low)
        # Rounded, so that 5.1 of 1 to 10 stays 5.1.
        return round(MIN_STARS + span * (MAX_STARS - MIN_STARS), _PLACES)

    def of_rating(self, rating: float) -> float:
        """Return the value on the domain's scale of a rating from 1 to 10."""
        span = (rating - MIN_STARS) / (MAX_STARS - MIN_STARS)
        # On a long scale, a rating's last place is a larger part of the unit.
        lost = math.ceil(max(0.0, math.log10((self.high - self.low) / (MAX_STARS - MIN_STARS))))
        return round(self.low + span * (self.high - self.low), _PLACES - lost)

    def difference(self, ratings: float) -> float:
        """Return a difference of ratings as one on the domain's scale."""
        return ratings * (self.high - self.low) / (MAX_STARS - MIN_STARS)

    @property
    def decimals(self) -> int:
        """How many decimals its step has."""
        return len(f"{self.step:.6f}".rstrip("0").partition(".")[2])


class DomainWords(msgspec.Struct, frozen=True, kw_only=True):
    """The domain's words.

    Attributes:
        make: what is done with a pick: make a film, buy a coffee.
        titles: whether each has a title, so that picks get invented ones.
    """

    thing: str
    things: str
    make: str = "make"
    titles: bool = True


class DomainExtra(msgspec.Struct, frozen=True, kw_only=True):
    """Columns that aren't needed: what each row is called, and how many people rated it."""

    title: str | None = None
    votes: str | None = None


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """A model's subject.

    Attributes:
        name: the model's, in manifests, publishing and jobs.
        ordinal, tags: None if the table has none; a constant is used instead.
    """

    name: str
    choice: DomainChoice
    outcome: DomainOutcome
    words: DomainWords
    ordinal: DomainOrdinal | None = None
    tags: DomainTags | None = None
    extra: DomainExtra = DomainExtra()
    schema_version: int = DOMAIN_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a domain."""
        check_schema(prefix, self.schema_version)
        check_label(f"{prefix}name", self.name)
        self._check_texts(prefix)
        self._check_outcome(f"{prefix}outcome.")
        if self.ordinal is not None and abs(self.ordinal.shift) > 10**9:
            raise InvalidRecord(f"{prefix}ordinal.shift", "is out of range; run inspect again")
        if self.ordinal is not None and self.ordinal.context and self.ordinal.shift:
            raise InvalidRecord(
                f"{prefix}ordinal.context", "is true, but only calendar years come with the date"
            )
        if self.tags is not None:
            self._check_tags(f"{prefix}tags.", self.tags)

    def _check_texts(self, prefix: str) -> None:
        parts: dict[str, Any] = {
            "choice": self.choice, "ordinal": self.ordinal, "tags": self.tags, "words": self.words,
        }  # fmt: skip
        for part, record in parts.items():
            for field in ("word", "words", "thing", "things", "make"):
                value = getattr(record, field, None)
                if isinstance(value, str):
                    check_text(f"{prefix}{part}.{field}", value)
                    if len(value) > _MOST_WORD:
                        raise InvalidRecord(
                            f"{prefix}{part}.{field}", f"is longer than {_MOST_WORD} characters"
                        )

    def _check_outcome(self, prefix: str) -> None:
        outcome = self.outcome
        for field in ("low", "high", "step"):
            if not math.isfinite(getattr(outcome, field)):
                raise InvalidRecord(f"{prefix}{field}", "isn't a finite number")
        if outcome.low >= outcome.high:
            raise InvalidRecord(f"{prefix}high", f"is {outcome.high:g}; give more than `low`")
        if not 0 < outcome.step <= outcome.high - outcome.low:
            raise InvalidRecord(f"{prefix}step", "isn't a part of the scale from low to high")
        if outcome.good is not None and not outcome.low <= outcome.good <= outcome.high:
            raise InvalidRecord(f"{prefix}good", "isn't on the scale from low to high")
        if len(outcome.unit) > _MOST_WORD:
            raise InvalidRecord(f"{prefix}unit", f"is longer than {_MOST_WORD} characters")

    def _check_tags(self, prefix: str, tags: DomainTags) -> None:
        if not 1 <= len(tags.columns) <= _MOST_COLUMNS:
            raise InvalidRecord(f"{prefix}columns", f"names no column, or over {_MOST_COLUMNS}")
        if not 1 <= tags.at_most <= MAX_GENRES:
            raise InvalidRecord(f"{prefix}at_most", f"is {tags.at_most}; give 1 to {MAX_GENRES}")
        for group in tags.exclusive:
            if any('"' in tag or not tag for tag in group) or len(group) < 2:
                raise InvalidRecord(
                    f"{prefix}exclusive", "holds a group of less than two names, or one with quotes"
                )
        if tags.keep is not None and tags.keep < 1:
            raise InvalidRecord(f"{prefix}keep", "is below 1; leave it out to keep all")

    def combination(self, choice: str, number: int | None, tags: Sequence[str]) -> Combination:
        """Return a checked combination from what a person typed, with stand-ins on the wire.

        Args:
            choice: one of many, as a film's director.
            number: as a person knows it; ignored if the domain has none.
            tags: ignored if the domain has none.

        Raises:
            InvalidRecord: naming the field.
        """
        if number is None and self.ordinal is not None:
            raise InvalidRecord("year", "is missing")
        year = NO_ORDINAL if number is None else self.ordinal_on_wire(number)
        return combination(choice, year, (NO_TAG,) if self.tags is None else tags)

    def ordinal_on_wire(self, number: int) -> int:
        """Return a number of this domain as the wire holds it, from 1870 to 2200.

        Raises:
            InvalidRecord: naming the domain's word.
        """
        ordinal = self.ordinal
        if ordinal is None:
            return NO_ORDINAL
        year = number + ordinal.shift
        if not MIN_YEAR <= year <= MAX_YEAR:
            least, most = MIN_YEAR - ordinal.shift, MAX_YEAR - ordinal.shift
            raise InvalidRecord(ordinal.column, f"is {number}; give {least} to {most}")
        return year

    def shown_ordinal(self, year: int) -> str:
        """Return a number from the wire as a person knows it; nothing if the domain has none."""
        return "" if self.ordinal is None else str(year - self.ordinal.shift)

    def named_ordinal(self, year: int) -> str:
        """Return a number from the wire by itself: a year bare, any other with its word."""
        number, ordinal = self.shown_ordinal(year), self.ordinal
        return number if ordinal is None or ordinal.context else f"{ordinal.word} {number}"

    def shown_tags(self, genres: tuple[str, ...]) -> tuple[str, ...]:
        """Return the tags of the wire as a person knows them; none if the domain has none."""
        return () if self.tags is None else genres

    def shown_title(self, title: str, choice: str) -> str:
        """Return what a person calls one of these: its title, or else its choice."""
        return title if self.words.titles else choice

    def described(self, title: str, choice: str, year: int, genres: tuple[str, ...] = ()) -> str:
        """Return one of these in a line: title, choice, number and tags, as far as it has any."""
        parts = [f"{title} by {choice}" if self.words.titles else choice]
        parts += [self.shown_ordinal(year)] if self.ordinal else []
        parts += [" ".join(genres)] if self.tags and genres else []
        return ", ".join(parts)

    def say(self, text: str, /, **values: object) -> str:
        """Return a sentence that is written about films, in this domain's words.

        Args:
            text: the program's own words, with a `{name}` for each value.
            values: filled in as they are: a name or title in it keeps its own words.
        """
        return self.reword(text).format(**values)

    def reword(self, sentence: str) -> str:
        """Return a fixed text about films in this domain's words; `say` fills in values."""
        if self == FILMS:
            return sentence
        return _FILM_WORDS.sub(
            lambda found: with_article(found[1], self._reworded(found[2])), sentence
        )

    def _reworded(self, word: str) -> str:
        choice, words = self.choice, self.words
        ordinal = (self.ordinal.word, self.ordinal.words) if self.ordinal else ("number", "numbers")
        tags = (self.tags.word, self.tags.words) if self.tags else ("tag", "tags")
        unit = self.outcome.unit or "points"
        known = {
            "film": words.thing, "films": words.things,
            "director": choice.word, "directors": choice.words,
            "year": ordinal[0], "years": ordinal[1],
            "genre": tags[0], "genres": tags[1],
            "star": unit, "stars": unit,
        }  # fmt: skip
        plain = known[word.lower()]
        return plain.capitalize() if word[0].isupper() else plain

    def given_outcome(self, stars: int, rating: float | None) -> str:
        """Return an outcome that a person gave, on the domain's scale, without its unit."""
        exact = float(stars) if rating is None else rating
        if self.outcome == FILMS.outcome:
            return f"{exact:g}"
        return self.shown_outcome(exact, self.outcome.decimals)

    @property
    def good_stars(self) -> int:
        """The stars from which an outcome is called good."""
        good = self.outcome.good
        return GOOD_STARS if good is None else round(self.outcome.to_rating(good))

    @property
    def good_outcome(self) -> str:
        """From where an outcome is called good, on its own scale."""
        good = self.outcome.good
        return f"{self.outcome.of_rating(GOOD_STARS):.3g}" if good is None else f"{good:g}"

    def good_share(self, probabilities: Sequence[float]) -> float:
        """Return the probability of a good outcome, from those of one to ten stars."""
        return sum(probabilities[self.good_stars - 1 :])

    @property
    def plain_unit(self) -> str:
        """The outcome's unit after a number: with a space before it, or nothing."""
        return f" {self.outcome.unit}" if self.outcome.unit else ""

    def shown_outcome(self, rating: float, decimals: int | None = None) -> str:
        """Return a rating from 1 to 10 on the domain's scale, without its unit.

        Args:
            rating: one beyond the scale is shown as its end.
            decimals: by default two, or as many as the scale's step has.
        """
        places = max(2, self.outcome.decimals) if decimals is None else decimals
        return f"{self.expected_outcome(rating):z.{places}f}"

    def shown_class(self, stars: int) -> str:
        """Return the outcome that these stars stand for, as short as it can be."""
        return f"{round(self.outcome.of_rating(stars), self.outcome.decimals):.3g}"

    def expected_outcome(self, rating: float) -> float:
        """Return an expected rating on the domain's scale; one beyond it becomes its end."""
        return self.outcome.of_rating(min(max(rating, float(MIN_STARS)), float(MAX_STARS)))

    def rating_of(self, value: float) -> float:
        """Return the rating from 1 to 10 of an outcome that a person gave.

        Raises:
            InvalidRecord: if it's outside the scale.
        """
        outcome = self.outcome
        if not outcome.low <= value <= outcome.high:
            raise InvalidRecord(
                outcome.unit or outcome.column,
                f"is {value:g}; give {outcome.low:g} to {outcome.high:g}",
            )
        return min(max(outcome.to_rating(value), float(MIN_STARS)), float(MAX_STARS))


# What a bundle without a domain is about.
FILMS = Domain(
    name="films",
    choice=DomainChoice(column="Director1", word="director", words="directors"),
    ordinal=DomainOrdinal(column="year", word="year", words="years"),
    tags=DomainTags(columns=("Genre1", "Genre2", "Genre3"), word="genre", words="genres"),
    outcome=DomainOutcome(column="rating", low=1, high=10, step=0.1, unit="stars", good=8),
    words=DomainWords(thing="film", things="films"),
    extra=DomainExtra(title="title", votes="votes"),
)


def with_article(article: str | None, word: str) -> str:
    """Return a word with the article that fits it, `a` or `an`; bare if `article` is None."""
    if article is None:
        return word
    fitting = "an" if word[:1].lower() in "aeiou" else "a"
    return f"{fitting.capitalize() if article[0].isupper() else fitting} {word}"


def from_toml(text: bytes | str) -> Domain:
    """Return the domain that a TOML document describes.

    Raises:
        InvalidRecord: naming the entry.
    """
    try:
        found = msgspec.toml.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRecord("the domain", f"isn't TOML: {error}") from error
    # On the wire unknown fields are tolerated; in a file that a person wrote one is a slip.
    _refuse_unknown(found, msgspec.to_builtins(FILMS), "")
    return wire.convert(found, Domain)


def _refuse_unknown(found: dict[str, Any], known: dict[str, Any], prefix: str) -> None:
    for name, value in found.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(known)}"
            raise InvalidRecord(f"{prefix}{name}", f"isn't known; {hint}")
        if isinstance(value, dict) and isinstance(known[name], dict):
            _refuse_unknown(value, known[name], f"{prefix}{name}.")


def to_toml(domain: Domain) -> str:
    """Return a domain as a TOML document that reads back as the same."""
    fields = msgspec.to_builtins(domain)
    lines = [f"name = {_toml(fields['name'])}"]
    for part in ("choice", "ordinal", "tags", "outcome", "words", "extra"):
        values = {k: v for k, v in (fields[part] or {}).items() if v not in (None, "", [], ())}
        if values:
            lines += ["", f"[{part}]", *(f"{name} = {_toml(v)}" for name, v in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if value == int(value) else repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # JSON's text is TOML's basic string, except for the delete character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
