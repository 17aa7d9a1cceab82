"""The forms that do something: press, approve, rate, narrow, synchronise, sign in and out.

Every form but the sign-in carries the token of its session.
"""

from __future__ import annotations

import math
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from data.checks import check_id
from data.domain import FILMS, Domain
from data.errors import InvalidRecord
from edge.appliance import (
    Approve,
    Narrow,
    Outcome,
    Press,
    Rate,
    RetryRatings,
    Synchronise,
    Withdraw,
)
from edge.page.auth import same_token
from edge.page.formatting import duration, sentence
from edge.page.forms import (
    BadForm,
    Form,
    fields_of,
    outcome_of,
    rating_of,
    read_form,
    rules_of,
    slate_of,
    stars_of,
)
from edge.page.middleware import SIGN_IN
from edge.page.port import (
    LONGEST_TYPED,
    SESSION_SECONDS,
    Done,
    Execute,
    HeaderFound,
    PageCommand,
    PinFound,
    ShowHeader,
    ShowPin,
    SignIn,
    SignInByLink,
    SignInFound,
    SignOut,
)
from edge.page.queries import Ask, pick_page, slate_page
from edge.page.rendering import address_of, asking, context_of, session_of, set_cookie
from edge.search.slate import Slate

_LONGEST_PIN = 64
_LONGEST_LINK = 64


async def checked_form(request: Request) -> Form:
    """Return the form of someone who is signed in.

    Raises:
        BadForm: the form is invalid, or its token isn't the session's.
    """
    form = await read_form(request)
    if not same_token(session_of(request), form.one("token")):
        raise BadForm("This form is from before you signed in. Reload the page and try again.", 403)
    return form


async def press(request: Request) -> Response:
    """Do what a short press of the button does."""
    await checked_form(request)
    return await _execute(request, Press(wait=False), "/", "pressed")


async def synchronise(request: Request) -> Response:
    """Do what holding the button for five to ten seconds does."""
    await checked_form(request)
    return await _execute(request, Synchronise(), "/sync", "synchronise")


async def retry(request: Request) -> Response:
    """Send again what the cloud rejected."""
    await checked_form(request)
    return await _execute(request, RetryRatings(), "/sync", "retried")


async def approve(request: Request) -> Response:
    """Approve the film: it will be made."""
    pick_id = _pick_id(await checked_form(request))
    return await _execute(request, Approve(pick_id), "/", "approved")


async def rate(request: Request) -> Response:
    """Record what a finished film was rated."""
    form = await checked_form(request)
    pick_id = _pick_id(form)
    domain = await _domain(request)
    if domain == FILMS:
        stars = stars_of(form)
        rating = rating_of(form, stars)
        outcome = float(stars) if rating is None else rating
    else:
        outcome = outcome_of(form, domain)
    back = "/history" if form.one("back") == "history" else "/"
    if form.one("rating_id"):
        correction = Rate(outcome, pick_id, correct=True, rating_id=_rating_id(form))
        return await _execute(request, correction, back, "corrected")
    return await _execute(request, Rate(outcome, pick_id), back, "rated")


async def withdraw(request: Request) -> Response:
    """Take a rating back, once it's confirmed."""
    form = await checked_form(request)
    command = Withdraw(_pick_id(form), _rating_id(form))
    if form.one("confirm") != "yes":
        raise BadForm("Confirm that the rating is taken back.", field="confirm")
    return await _execute(request, command, "/history", "withdrawn")


async def narrow(request: Request) -> Response:
    """Set what the next presses choose from; with `find`, only look up directors."""
    form = await checked_form(request)
    if form.one("find") and form.one("q"):
        return await _show_slate_form(request, form)
    try:
        slate = slate_of(form, await _domain(request))
    except BadForm as error:
        return await _show_slate_form(request, form, error)
    outcome = await _outcome(request, Narrow(slate))
    if not outcome.ok:
        refused = BadForm(_problem(outcome), outcome.http_status, outcome.field)
        return await _show_slate_form(request, form, refused)
    return RedirectResponse("/slate?done=narrowed#next", 303)


async def _domain(request: Request) -> Domain:
    """Return what the appliance's models are about."""
    return (await asking(request)(ShowHeader(), HeaderFound)).status.domain


async def _execute(request: Request, command: PageCommand, back: str, done: str) -> Response:
    """Carry out a command, then go back to a page that says so, or show why it was refused."""
    outcome = await _outcome(request, command)
    if not outcome.ok:
        return await context_of(request).show(
            request, "pick.html", pick_page, status=outcome.http_status, problem=_problem(outcome)
        )
    return RedirectResponse(f"{back}?done={done}", 303)


async def _outcome(request: Request, command: PageCommand) -> Outcome:
    return await asking(request)(Execute(command), Outcome)


def _pick_id(form: Form) -> str:
    return _id(form, "pick_id", "pick")


def _rating_id(form: Form) -> str:
    return _id(form, "rating_id", "rating")


def _id(form: Form, field: str, what: str) -> str:
    try:
        check_id(field, form.one(field))
    except InvalidRecord as error:
        message = f"There's no such {what}. Reload the page and try again."
        raise BadForm(message, field=field) from error
    return form.one(field)


def _problem(outcome: Outcome) -> str:
    return sentence(outcome.error or "")


async def _show_slate_form(request: Request, form: Form, error: BadForm | None = None) -> Response:
    """Show the form again with everything that was entered."""
    typed = form.one("q")

    async def find(ask: Ask) -> dict[str, Any]:
        return {
            **await slate_page(ask, typed[:LONGEST_TYPED] if form.one("find") else None),
            "fields": _entered(form),
            "typed": typed,
            "wrong": error.field if error else None,
        }

    status, problem = (error.status, str(error)) if error else (200, None)
    return await context_of(request).show(
        request, "slate.html", find, status=status, problem=problem
    )


def _entered(form: Form) -> dict[str, Any]:
    """Return the form's values as entered, valid or not."""
    names = form.all("director")
    lines = [line.strip() for text in form.all("directors") for line in text.splitlines()]
    return {
        **fields_of(Slate()),
        "draw": form.one("draw") or "space",
        "directors": tuple(dict.fromkeys(name for name in [*names, *lines] if name)),
        "first": form.one("first")[:10],
        "last": form.one("last")[:10],
        "genres": tuple(form.all("genre")),
        "required": tuple(form.all("required")),
        "at_most": form.one("at_most")[:10],
        "at_least_films": form.one("at_least_films")[:10],
        "active_within": form.one("active_within")[:10],
        "rules": rules_of(form),
        "kinds": tuple(form.all("kind")),
        "plausible": form.one("plausible") == "yes",
    }


async def sign_in(request: Request) -> Response:
    """Show the sign-in form; a link that signs in once needs none."""
    if request.scope["greenlight_session"] is not None:
        return RedirectResponse("/", 303)
    carried = request.query_params.get("link", "")[:_LONGEST_LINK]
    # Programs that look at a link before a person follows it ask for its head only.
    if not carried or request.method != "GET":
        return sign_in_form(request)
    carried = carried.encode("utf-8", "replace").decode()
    found = await asking(request)(SignInByLink(carried, address_of(request)), SignInFound)
    if found.cookie is None:
        return sign_in_form(
            request, 403, "This link was used before, or it's too old. Sign in with the PIN."
        )
    return _signed_in(request, found.cookie)


async def check_pin(request: Request) -> Response:
    """Sign in with the PIN that was typed."""
    form = await read_form(request)
    # Longer than any PIN, and with the spaces that people type between its digits.
    typed = form.one("pin")[:_LONGEST_PIN].encode("utf-8", "replace").decode()
    found = await asking(request)(SignIn(typed, address_of(request)), SignInFound)
    if found.locked_seconds:
        wait = math.ceil(found.locked_seconds)
        return sign_in_form(
            request,
            429,
            f"Too many wrong PINs from your address. Wait {duration(wait)}.",
            {"retry-after": str(wait)},
        )
    if found.busy:
        return sign_in_form(
            request,
            503,
            "Other people are signing in. Try again in a moment.",
            {"retry-after": "2"},
        )
    if found.cookie is None:
        return sign_in_form(request, 403, "Wrong PIN.")
    return _signed_in(request, found.cookie)


def _signed_in(request: Request, cookie: str) -> Response:
    answer = RedirectResponse("/", 303)
    set_cookie(request, answer, cookie, SESSION_SECONDS)
    return answer


async def new_pin(request: Request) -> Response:
    """Make a new PIN, which signs everyone else out."""
    await checked_form(request)
    found = await asking(request)(ShowPin(new=True), PinFound)
    answer = RedirectResponse("/pin", 303)
    if found.cookie is not None:
        set_cookie(request, answer, found.cookie, SESSION_SECONDS)
    return answer


async def sign_out(request: Request) -> Response:
    """End the session, wherever its cookie may be."""
    await checked_form(request)
    await asking(request)(SignOut(), Done)
    answer = RedirectResponse(SIGN_IN, 303)
    set_cookie(request, answer, "", 0)
    return answer


def sign_in_form(
    request: Request,
    status: int = 200,
    problem: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the sign-in form, with the reason if something was refused."""
    context = context_of(request)
    overheard = not context.settings.encrypted and request.url.hostname not in (
        *("localhost", "127.0.0.1", "::1"),
    )
    answer = context.render("sign_in.html", {"problem": problem, "overheard": overheard}, status)
    answer.headers.update(headers or {})
    return answer
