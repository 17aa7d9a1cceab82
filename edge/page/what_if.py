"""What if: a film that somebody thought of, alone or beside another, and the best change of each.

The address holds what is asked, so that it can be kept, sent, and changed by a link.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from data.domain import FILMS, Domain
from data.errors import InvalidRecord
from data.films import MAX_GENRES, MAX_YEAR, MIN_YEAR, Combination
from edge.appliance import Explain, Outcome
from edge.page import charts
from edge.page.formatting import sentence
from edge.page.forms import BadForm, Form, whole
from edge.page.port import CatalogueSummary, Execute, ShowSlate, SlateFound
from edge.page.queries import Ask, page_header
from edge.page.rendering import asking, context_of
from edge.search.explained import Better, ChoiceName, Explained

_OTHER = "other_"


class Entered(msgspec.Struct, frozen=True):
    """A film as it was entered, valid or not; its year as people know it."""

    director: str
    year: str
    genres: tuple[str, ...]


class Change(msgspec.Struct, frozen=True):
    """What would make a film better, and the address that makes the change.

    Attributes:
        choice: what is changed, and `to` what.
        gain: in stars; nothing plausible is better unless it's above zero.
    """

    choice: ChoiceName
    to: str
    gain: float
    address: str


class FilmAnswer(msgspec.Struct, frozen=True):
    """What the model says of a film, ready to be shown."""

    explained: Explained
    chart: charts.Distribution
    reasons: charts.Reasons
    changes: tuple[Change, ...]


async def what_if(request: Request) -> Response:
    """Show what the model says of one film, or of two side by side."""
    ask = asking(request)
    status, wrong = 200, None
    answers: tuple[FilmAnswer, ...] = ()
    found = await ask(ShowSlate(), SlateFound)
    domain = found.header.status.domain
    films = _films(request.query_params, found)
    # An open page that only wants to know how the appliance is doesn't ask about its films again.
    if found.catalogue is not None and "look" not in request.query_params:
        try:
            answers = await _answers(ask, films, domain)
        except BadForm as error:
            status, wrong = error.status, str(error)
    values = {
        "header": page_header(found.header),
        "catalogue": found.catalogue,
        "films": films,
        "genres": [_offered(film, found.catalogue) for film in films],
        "years": [domain.shown_ordinal(year) for year in (MIN_YEAR, MAX_YEAR)],
        "slots": domain.tags.at_most if domain.tags else 0,
        "answers": answers,
        "verdict": _verdict(answers, domain),
        "wrong": wrong,
        "address": _address(films[:1]),
        "beside": _address([films[0], films[0]]) if len(films) == 1 else None,
    }

    async def ready(_: Ask) -> dict[str, Any]:
        return values

    return await context_of(request).show(request, "what_if.html", ready, status=status)


def _films(query: QueryParams, found: SlateFound) -> list[Entered]:
    """Return the films that are asked about: those of the address, or else the newest pick."""
    form = Form(query.multi_items())
    films = [film for prefix in ("", _OTHER) if (film := _entered(form, prefix)) is not None]
    if films:
        return films
    domain, known = found.header.status.domain, found.catalogue
    if found.entry is not None:
        return [_shown(found.entry.pick.combination, domain)]
    if known is None or domain.ordinal is None:
        return [Entered("", "", ())]
    newest = known.training_years.last
    return [Entered("", domain.shown_ordinal(newest + 1 if domain.ordinal.context else newest), ())]


def _shown(film: Combination, domain: Domain) -> Entered:
    """Return a film as somebody would enter it."""
    return Entered(film.director, domain.shown_ordinal(film.year), domain.shown_tags(film.genres))


def _entered(form: Form, prefix: str) -> Entered | None:
    director, year = form.one(f"{prefix}director"), form.one(f"{prefix}year")
    genres = tuple(form.all(f"{prefix}genre"))
    return Entered(director, year, genres) if director or year or genres else None


async def _answers(ask: Ask, films: list[Entered], domain: Domain) -> tuple[FilmAnswer, ...]:
    """Ask about each film in turn: of a session's two questions at once, the older is dropped.

    Raises:
        BadForm: a film isn't one, or the appliance has something better to do.
    """
    if films == [Entered("", films[0].year, ())]:
        return ()
    said = []
    for film in [_checked(film, domain) for film in films]:
        outcome = await ask(Execute(Explain(film)), Outcome)
        if not outcome.ok:
            raise BadForm(sentence(outcome.error or ""), outcome.http_status)
        said.append(msgspec.json.decode(outcome.explained, type=Explained))
    return tuple(
        FilmAnswer(
            explained,
            charts.distribution(explained.prediction, domain),
            charts.reasons(explained.film, explained.prediction.expected, explained.why, domain),
            tuple(_change(change, films, place, domain) for change in explained.better),
        )
        for place, explained in enumerate(said)
    )


def _checked(film: Entered, domain: Domain) -> Combination:
    say = domain.say
    if not film.director:
        raise BadForm(say("Name a director."), field="director")
    if domain.tags and not film.genres:
        raise BadForm(say("Choose at least one genre."), field="genre")
    if len(film.genres) > MAX_GENRES:
        raise BadForm(say("Choose at most {most} genres.", most=MAX_GENRES), field="genre")
    year = whole("year", say("The year"), film.year) if domain.ordinal else None
    try:
        return domain.combination(film.director, year, film.genres)
    except InvalidRecord as error:
        field = error.field.partition("[")[0]
        why = domain.reword(f"the {field} {error.reason}")
        raise BadForm(sentence(why), field=field) from error


def _change(change: Better, films: list[Entered], place: int, domain: Domain) -> Change:
    changed = list(films)
    changed[place] = new = _shown(change.film, domain)
    to = {"director": new.director, "year": new.year, "genres": ", ".join(new.genres)}
    return Change(change.choice, to[change.choice], change.gain, _address(changed))


def _address(films: list[Entered]) -> str:
    pairs = [
        (f"{prefix}{name}", value)
        for prefix, film in zip(("", _OTHER), films, strict=False)
        for name, values in (
            ("director", (film.director,)),
            ("year", (film.year,) if film.year else ()),
            ("genre", film.genres),
        )
        for value in values
    ]
    return f"/what-if?{urlencode(pairs)}"


def _offered(film: Entered, known: CatalogueSummary | None) -> list[str]:
    """Return the genres to choose from: the model's, and any others that were entered."""
    genres = list(known.genres) if known else []
    return genres + [name for name in film.genres if name not in genres]


def _verdict(answers: tuple[FilmAnswer, ...], domain: Domain) -> str:
    """Return the answer in one sentence, which a screen reader says after each change."""
    stars = [answer.explained.prediction.expected for answer in answers]
    match stars:
        case [only]:
            return f"{domain.shown_outcome(only)}{domain.plain_unit} expected."
        case [first, second]:
            thing, unit = domain.words.thing, domain.plain_unit
            apart = domain.outcome.difference(second - first)
            if not round(apart, 2):
                return f"Both are expected to get {domain.shown_outcome(first)}{unit}."
            more = "more" if apart > 0 else "fewer" if domain == FILMS else "less"
            return f"The second {thing} is expected to get {abs(apart):.2f}{unit} {more}."
    return ""
