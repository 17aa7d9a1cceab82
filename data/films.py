"""A film, and a combination: director, year and one to three genres.

Text is NFC-normalised once, here. Genre slots carry no order, so genres are kept as a tuple
sorted by code point, without repeats.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from data.checks import check_short
from data.errors import InvalidRecord
from data.text import visible

Kind: TypeAlias = Literal["film", "tv", "video", "game"]
Genres: TypeAlias = tuple[str, ...]

KINDS: tuple[Kind, ...] = ("film", "tv", "video", "game")
NO_GENRE = "None"
MAX_GENRES = 3
MIN_STARS, MAX_STARS = 1, 10
# The first films were made in 1874 (Janssen's Passage de Vénus); one far ahead is a slip.
MIN_YEAR, MAX_YEAR = 1870, 2200
MAX_TEXT = 400

_KIND_SUFFIX = re.compile(r"\((TV|V|VG)\)\s*$")
_KIND_OF_SUFFIX: dict[str, Kind] = {"TV": "tv", "V": "video", "VG": "game"}


def normalise(text: str) -> str:
    """Return `text` in Unicode's composed form (NFC), without space around it.

    What takes no space or turns the direction of text goes: a name must not look like another.
    """
    return unicodedata.normalize("NFC", visible(text)).strip()


def kind_of(title: str) -> Kind:
    """Return the kind that a title's suffix gives: `(TV)`, `(V)`, `(VG)`, or a film."""
    found = _KIND_SUFFIX.search(title)
    return _KIND_OF_SUFFIX[found[1]] if found else "film"


def stars_of(rating: float) -> int:
    """Return the whole stars of a rating: rounded half to even, within 1 to 10."""
    return min(max(round(rating), MIN_STARS), MAX_STARS)


# A film with this many stars is a good one.
GOOD_STARS = 8


def shown_stars(expected: float) -> float:
    """Return expected stars within the scale: for display only, ranking goes by the full value."""
    return min(max(expected, float(MIN_STARS)), float(MAX_STARS))


def genre_slots(genres: Iterable[str]) -> tuple[str, str, str]:
    """Return the three genre slots of a row; an empty slot holds the text `None`."""
    slots = [*genres, NO_GENRE, NO_GENRE, NO_GENRE]
    return slots[0], slots[1], slots[2]


def check_text(field: str, value: str) -> None:
    """Refuse text that is empty, too long, not normalised or not printable.

    Raises:
        InvalidRecord: naming `field`.
    """
    if not value:
        raise InvalidRecord(field, "is empty; give its name")
    check_short(field, value, MAX_TEXT)
    if value != normalise(value):
        raise InvalidRecord(field, "is not normalised; pass it through data.films.normalise")


def check_year(field: str, year: int) -> None:
    """Refuse a year outside of film history.

    Raises:
        InvalidRecord: naming `field`.
    """
    if not MIN_YEAR <= year <= MAX_YEAR:
        raise InvalidRecord(field, f"is {year}; give a year from {MIN_YEAR} to {MAX_YEAR}")


def check_genres(field: str, genres: Genres) -> None:
    """Refuse anything but one to three different genres in code-point order.

    Raises:
        InvalidRecord: naming `field`.
    """
    if not 1 <= len(genres) <= MAX_GENRES:
        raise InvalidRecord(field, f"holds {len(genres)} genres; give one to {MAX_GENRES}")
    for index, genre in enumerate(genres):
        check_text(f"{field}[{index}]", genre)
        if genre == NO_GENRE:
            raise InvalidRecord(f"{field}[{index}]", "is the empty slot's text; leave it out")
    if len(set(genres)) != len(genres):
        raise InvalidRecord(field, "repeats a genre; give each once")
    if list(genres) != sorted(genres):
        raise InvalidRecord(field, "is not in code-point order; sort it")


def check_stars(field: str, stars: int) -> None:
    """Refuse stars outside of 1 to 10.

    Raises:
        InvalidRecord: naming `field`.
    """
    if not MIN_STARS <= stars <= MAX_STARS:
        raise InvalidRecord(field, f"is {stars}; give {MIN_STARS} to {MAX_STARS} stars")


def check_rating(field: str, rating: float | None) -> None:
    """Refuse a rating outside of 1.0 to 10.0, and NaN; None means unknown.

    Raises:
        InvalidRecord: naming `field`.
    """
    if rating is not None and not MIN_STARS <= rating <= MAX_STARS:
        raise InvalidRecord(field, f"is {rating}; give a number from 1.0 to 10.0")


class Combination(msgspec.Struct, frozen=True, order=True):
    """What you choose: a director, a year and one to three genres.

    Combinations compare as ties are broken: by director, year and genres, in code-point order.
    """

    director: str
    year: int
    genres: Genres

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this combination cannot be."""
        check_text(f"{prefix}director", self.director)
        check_year(f"{prefix}year", self.year)
        check_genres(f"{prefix}genres", self.genres)


class Film(msgspec.Struct, frozen=True):
    """A film that was made and rated.

    Attributes:
        stars: whole stars, 1 to 10: the rating rounded half to even.
        rating: the same with decimals, where known.
        votes: how many people rated it, where known.
    """

    title: str
    year: int
    director: str
    genres: Genres
    kind: Kind
    stars: int
    rating: float | None = None
    votes: int | None = None

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this film cannot be."""
        check_text(f"{prefix}title", self.title)
        self.combination.check(prefix)
        check_stars(f"{prefix}stars", self.stars)
        check_rating(f"{prefix}rating", self.rating)
        if self.votes is not None and self.votes < 0:
            raise InvalidRecord(f"{prefix}votes", f"is {self.votes}; give a count, or leave it out")

    @property
    def combination(self) -> Combination:
        """The choice that led to this film."""
        return Combination(self.director, self.year, self.genres)


def sorted_genres(genres: Iterable[str]) -> Genres:
    """Return the first three different genres, normalised, in code-point order; empty slots go."""
    kept: dict[str, None] = {}
    for genre in genres:
        name = normalise(genre)
        if name and name != NO_GENRE:
            kept.setdefault(name)
    return tuple(sorted(list(kept)[:MAX_GENRES]))


def combination(director: str, year: int, genres: Iterable[str]) -> Combination:
    """Return a checked combination from what a person typed.

    Raises:
        InvalidRecord: naming the field. More than three genres are refused here, not cut.
    """
    names = sorted({normalise(genre) for genre in genres} - {NO_GENRE})
    chosen = Combination(normalise(director), year, tuple(names))
    chosen.check()
    return chosen
