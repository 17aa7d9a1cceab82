"""What comes in by forms: read within bounds, checked by name, turned into what the house takes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from data import films
from data.errors import GreenlightError
from data.films import KINDS, MAX_STARS, MIN_STARS, normalise
from edge.search.slate import Directors, Genres, Slate, Years

MAX_BODY_BYTES = 32 * 1024
BODY_SECONDS = 10.0
_MOST_FIELDS = 400
_MOST_NAMES = 200


class BadForm(GreenlightError):
    """A form cannot be meant so; nothing has been changed.

    Attributes:
        status: the HTTP status that says whose fault it is.
        field: the field to look at, or None.
    """

    def __init__(self, message: str, status: int = 422, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


class Form:
    """A form's fields, each with all of its values."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def one(self, name: str) -> str:
        """Return a field's only value without space around it; empty if it was left out.

        Raises:
            BadForm: it was sent more than once.
        """
        values = self._values.get(name, [""])
        if len(values) > 1:
            raise BadForm(f"{name}: was sent {len(values)} times; send it once", 400, name)
        return values[0].strip()

    def all(self, name: str) -> list[str]:
        """Return a field's values, without empty ones."""
        return [value.strip() for value in self._values.get(name, []) if value.strip()]


async def read_form(request: Request) -> Form:
    """Return the form that a request carries.

    Raises:
        BadForm: it is no form, too long, badly encoded, or too slow to come.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadForm("Only forms of this page are taken here.", 415)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.body()
    except TimeoutError as error:
        raise BadForm("The form took too long to come; send it again.", 408) from error
    except ClientDisconnect as error:
        raise BadForm("The form broke off.", 400) from error
    return parse_form(body)


def parse_form(body: bytes) -> Form:
    """Return the form that a body holds.

    Raises:
        BadForm: it is no form in UTF-8, or has too many fields.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise BadForm("The form is not readable as UTF-8; send it again.", 400) from error
    return Form(pairs)


def stars_of(form: Form) -> int:
    """Return the stars of a rating form.

    Raises:
        BadForm: naming the field.
    """
    text = form.one("stars")
    if not text:
        raise BadForm("Stars: choose 1 to 10.", field="stars")
    stars = _whole("stars", "Stars", text)
    if not MIN_STARS <= stars <= MAX_STARS:
        raise BadForm(f"Stars: {text[:20]} is outside of 1 to 10.", field="stars")
    return stars


def rating_of(form: Form, stars: int) -> float | None:
    """Return the exact rating of a rating form, or None if it was left out.

    Raises:
        BadForm: naming the field.
    """
    text = form.one("rating").replace(",", ".")
    if not text:
        return None
    try:
        rating = float(text) if text.isascii() else math.nan
    except ValueError:
        rating = math.nan
    if not MIN_STARS <= rating <= MAX_STARS:
        raise BadForm("Exact rating: give a number from 1.0 to 10.0, or nothing.", field="rating")
    if films.stars_of(rating) != stars:
        raise BadForm(
            f"Exact rating: {rating:g} means {films.stars_of(rating)} stars, not {stars}.",
            field="rating",
        )
    return rating


def slate_of(form: Form) -> Slate | None:
    """Return the slate that the narrowing form describes; None for the original's 36 films.

    Raises:
        BadForm: naming the field.
    """
    match form.one("draw"):
        case "classic":
            return None
        case "space":
            pass
        case _:
            raise BadForm("Slate: choose 36 films or a wider search.", field="draw")
    names = list(dict.fromkeys(_names(form)))
    if len(names) > _MOST_NAMES:
        raise BadForm(f"Directors: at most {_MOST_NAMES} can be named.", field="director")
    kinds = form.all("kind")
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise BadForm(f"Kinds: there is no {unknown[0][:40]!r}.", field="kind")
    if not kinds:
        raise BadForm("Kinds: choose at least one.", field="kind")
    return Slate(
        directors=Directors(names=tuple(names)),
        years=Years(first=_year(form, "first"), last=_year(form, "last")),
        genres=Genres(allowed=tuple(sorted({normalise(name) for name in form.all("genre")}))),
        kinds=tuple(kind for kind in KINDS if kind in kinds),
        plausible=form.one("plausible") == "yes",
    )


def fields_of(slate: Slate | None) -> Mapping[str, Any]:
    """Return the narrowing form's values for a slate: the inverse of `slate_of`."""
    shown = slate or Slate()
    return {
        "draw": "classic" if slate is None else "space",
        "directors": shown.directors.names,
        "first": shown.years.first,
        "last": shown.years.last,
        "genres": shown.genres.allowed,
        "kinds": shown.kinds,
        "plausible": shown.plausible,
    }


def _names(form: Form) -> list[str]:
    """Return the directors of the check boxes, and those written one a line."""
    written = [line for text in form.all("directors") for line in text.splitlines()]
    return [name for name in map(normalise, [*form.all("director"), *written]) if name]


def _year(form: Form, name: str) -> int | None:
    text = form.one(name)
    return _whole(name, f"{name.capitalize()} year", text) if text else None


def _whole(field: str, label: str, text: str) -> int:
    # int() would also take "1_0", other scripts' digits and ten thousand of them.
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 6):
        raise BadForm(f"{label}: {text[:40]!r} is no whole number.", field=field)
    return int(text)
