"""Form bodies: read within limits, validated field by field, turned into typed values."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from data import films
from data.domain import FILMS, Domain
from data.errors import GreenlightError, InvalidRecord
from data.films import KINDS, MAX_GENRES, MAX_STARS, MIN_STARS, normalise
from edge.page.formatting import sentence
from edge.search.domain_slate import as_shown, on_wire
from edge.search.slate import Directors, Genres, InvalidSlate, Slate, Years

MAX_BODY_BYTES = 32 * 1024
BODY_SECONDS = 10.0
_MOST_FIELDS = 400
_MOST_NAMES = 200
_ANYONE = Directors()


class BadForm(GreenlightError):
    """The form is invalid; nothing was changed.

    Attributes:
        status: the HTTP status to answer with.
        field: the field at fault, if it is one.
    """

    def __init__(self, message: str, status: int = 422, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


class Form:
    """A form's fields, each with all its values."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def one(self, name: str) -> str:
        """Return a field's only value, stripped; empty if the field is missing.

        Raises:
            BadForm: the field was sent more than once.
        """
        values = self._values.get(name, [""])
        if len(values) > 1:
            raise BadForm(f"The form has {name} {len(values)} times; send it once.", 400, name)
        return values[0].strip()

    def all(self, name: str) -> list[str]:
        """Return a field's values, stripped, without the empty ones."""
        return [value.strip() for value in self._values.get(name, []) if value.strip()]


async def read_form(request: Request) -> Form:
    """Return a request's form.

    Raises:
        BadForm: the body isn't a form, is badly encoded, or arrives too slowly.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadForm("Only this page's own forms are accepted.", 415)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.body()
    except TimeoutError as error:
        raise BadForm("The form took too long to arrive. Send it again.", 408) from error
    except ClientDisconnect as error:
        raise BadForm("The connection closed before the form had arrived.", 400) from error
    return parse_form(body)


def parse_form(body: bytes) -> Form:
    """Return the form in a request's body.

    Raises:
        BadForm: it isn't a form in UTF-8, or has too many fields.
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
        raise BadForm("The form isn't valid UTF-8. Send it again.", 400) from error
    return Form(pairs)


def stars_of(form: Form) -> int:
    """Return the stars of a rating form.

    Raises:
        BadForm: with the field at fault.
    """
    text = form.one("stars")
    if not text:
        raise BadForm("Choose 1 to 10 stars.", field="stars")
    stars = whole("stars", "Stars", text)
    if not MIN_STARS <= stars <= MAX_STARS:
        raise BadForm(f"Stars must be from 1 to 10, not {text[:20]}.", field="stars")
    return stars


def rating_of(form: Form, stars: int) -> float | None:
    """Return the exact rating of a rating form, or None if it was left out.

    Raises:
        BadForm: with the field at fault.
    """
    text = form.one("rating").replace(",", ".")
    if not text:
        return None
    try:
        rating = float(text) if text.isascii() else math.nan
    except ValueError:
        rating = math.nan
    if not MIN_STARS <= rating <= MAX_STARS:
        raise BadForm(
            "The exact rating must be from 1.0 to 10.0; leave it empty if you don't know it.",
            field="rating",
        )
    if films.stars_of(rating) != stars:
        raise BadForm(
            f"An exact rating of {rating:g} is {films.stars_of(rating)} stars, "
            f"but you chose {stars}.",
            field="rating",
        )
    return rating


def outcome_of(form: Form, domain: Domain) -> float:
    """Return the rating from 1 to 10 of the outcome that was typed, on the domain's own scale.

    Raises:
        BadForm: with the field at fault.
    """
    scale = domain.outcome
    text = form.one("outcome").removesuffix(scale.unit).strip().replace(",", ".")
    try:
        return domain.rating_of(float(text) if text.isascii() else math.nan)
    except (ValueError, InvalidRecord) as error:
        raise BadForm(
            f"Give {scale.low:g} to {scale.high:g}{domain.plain_unit}, not {text[:20]!r}.",
            field="outcome",
        ) from error


# What the form calls each way to sample a slate.
_SAMPLES: Mapping[str, Literal["all", "next", "any"]] = {
    "next": "next",
    "classic": "any",
    "space": "all",
}


def slate_of(form: Form, domain: Domain = FILMS) -> Slate | None:
    """Return the slate that the form describes; None for 36 next films without limits.

    Raises:
        BadForm: with the field at fault.
    """
    say = domain.say
    sample = _SAMPLES.get(form.one("draw"))
    if sample is None:
        raise BadForm(say("Choose between 36 films and everything that matches."), field="draw")
    names = list(dict.fromkeys(_names(form)))
    if len(names) > _MOST_NAMES:
        raise BadForm(say("Choose at most {most} directors.", most=_MOST_NAMES), field="director")
    kinds = form.all("kind")
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        called = say("There's no kind of film called {name!r}.", name=unknown[0][:40])
        raise BadForm(called, field="kind")
    if not kinds:
        raise BadForm("Choose at least one of films, television, videos and games.", field="kind")
    slate = Slate(
        sample=sample,
        directors=Directors(
            names=tuple(names),
            at_least_films=_number(
                form, "at_least_films", say("Films made"), _ANYONE.at_least_films
            ),
            active_within=_number(form, "active_within", "Active within", _ANYONE.active_within),
        ),
        years=Years(first=_year(form, "first", domain), last=_year(form, "last", domain)),
        genres=Genres(
            allowed=tuple(sorted({normalise(name) for name in form.all("genre")})),
            required=tuple(sorted({normalise(name) for name in form.all("required")})),
            at_most=_number(form, "at_most", say("Genres in a film"), MAX_GENRES),
        ),
        rules=rules_of(form),
        kinds=tuple(kind for kind in KINDS if kind in kinds),
        plausible=form.one("plausible") == "yes",
    )
    if slate == Slate(sample="next"):
        return None
    try:
        return on_wire(slate, domain)
    except InvalidSlate as error:
        raise BadForm(sentence(str(error)), field="first") from error


def rules_of(form: Form) -> tuple[str, ...]:
    """Return the rules that were typed, one a line."""
    lines = [normalise(line) for text in form.all("rules") for line in text.splitlines()]
    return tuple(dict.fromkeys(line for line in lines if line))


def fields_of(slate: Slate | None, domain: Domain = FILMS) -> Mapping[str, Any]:
    """Return the form's values for a slate: the inverse of `slate_of`."""
    shown = as_shown(slate or Slate(sample="next"), domain)
    return {
        "draw": next(name for name, sample in _SAMPLES.items() if sample == shown.sample),
        "directors": shown.directors.names,
        "first": shown.years.first,
        "last": shown.years.last,
        "genres": shown.genres.allowed,
        "required": shown.genres.required,
        "at_most": shown.genres.at_most,
        "at_least_films": shown.directors.at_least_films,
        "active_within": shown.directors.active_within,
        "rules": shown.rules,
        "kinds": shown.kinds,
        "plausible": shown.plausible,
    }


def _names(form: Form) -> list[str]:
    """Return the directors ticked, and those typed one per line."""
    lines = [line for text in form.all("directors") for line in text.splitlines()]
    return [name for name in map(normalise, [*form.all("director"), *lines]) if name]


def _year(form: Form, name: str, domain: Domain) -> int | None:
    text = form.one(name)
    return whole(name, domain.say("{which} year", which=name.capitalize()), text) if text else None


def _number(form: Form, name: str, label: str, usual: int) -> int:
    text = form.one(name)
    return whole(name, label, text) if text else usual


def whole(field: str, label: str, text: str) -> int:
    """Return a whole number that was typed.

    Raises:
        BadForm: it isn't one.
    """
    # int() would also accept "1_0", other scripts' digits and ten thousand of them.
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 6):
        raise BadForm(f"{label} must be a whole number, not {text[:40]!r}.", field=field)
    return int(text)
