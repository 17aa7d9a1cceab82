"""The page's web application: its routes and its error pages."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edge.page import actions, pairing, views
from edge.page.auth import own_names
from edge.page.formatting import sentence
from edge.page.forms import BadForm
from edge.page.middleware import PAIR, SIGN_IN, SecurityMiddleware, SessionMiddleware
from edge.page.port import Problem, ProblemKind, SignedOut
from edge.page.queries import NoReport
from edge.page.rendering import STATIC, Context, context_of
from edge.page.what_if import what_if

_log = logging.getLogger(__name__)

_FOREVER = "public, max-age=31536000, immutable"
_HEADLINES: Mapping[ProblemKind, str] = {
    "journal": "The journal isn't available right now",
    "report": "The report can't be shown",
    "unreachable": "The appliance isn't running",
    "busy": "The appliance is busy",
}
_KINDS: Mapping[str, str] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


async def static(request: Request) -> Response:
    """Serve one of the page's own files."""
    name = request.path_params["name"]
    if name not in {path.name for path in STATIC.iterdir() if path.suffix in _KINDS}:
        raise HTTPException(404)
    path = STATIC / name
    return FileResponse(path, media_type=_KINDS[path.suffix], headers={"cache-control": _FOREVER})


async def icon(request: Request) -> Response:
    """Serve the icon that browsers ask for by themselves."""
    return FileResponse(STATIC / "icon.svg", media_type=_KINDS[".svg"])


ROUTES = (
    Route("/", views.pick),
    Route("/slate", views.slate),
    Route("/what-if", what_if),
    Route("/history", views.history),
    Route("/history.csv", views.history_csv),
    Route("/model", views.model),
    Route("/report", views.report),
    Route("/report.html", views.report_itself),
    Route("/sync", views.sync),
    Route("/directors", views.directors),
    Route("/events", views.events),
    Route("/press", actions.press, methods=["POST"]),
    Route("/approve", actions.approve, methods=["POST"]),
    Route("/rate", actions.rate, methods=["POST"]),
    Route("/withdraw", actions.withdraw, methods=["POST"]),
    Route("/narrow", actions.narrow, methods=["POST"]),
    Route("/synchronise", actions.synchronise, methods=["POST"]),
    Route("/retry", actions.retry, methods=["POST"]),
    Route(SIGN_IN, actions.sign_in, methods=["GET"]),
    Route(SIGN_IN, actions.check_pin, methods=["POST"]),
    Route("/pin", views.pin),
    Route("/pin", actions.new_pin, methods=["POST"]),
    Route(PAIR, pairing.look),
    Route(PAIR, pairing.ask_to_pair, methods=["POST"]),
    Route("/sign-out", actions.sign_out, methods=["POST"]),
    Route("/static/{name}", static),
    Route("/favicon.ico", icon),
)


def make_app(context: Context) -> ASGIApp:
    """Return the page as an ASGI application, with its middleware around it."""
    app = Starlette(
        routes=ROUTES,
        middleware=[
            Middleware(
                SessionMiddleware,
                appliance=context.appliance,
                trust=context.trust,
                explain=_problem,
            )
        ],
        exception_handlers={
            HTTPException: _http_error,
            BadForm: _bad_form,
            Problem: _problem,
            SignedOut: _signed_out,
            NoReport: _no_report,
            Exception: _unexpected,
        },
    )
    app.state.context = context
    # Each page has one address; a trailing slash is a different, unknown one.
    app.router.redirect_slashes = False
    # Asked for each request: the machine's name may change while it runs.
    return SecurityMiddleware(app, lambda: own_names(context.settings.names))


def _error(request: Request, status: int, headline: str, message: str) -> Response:
    signed_in = request.scope.get("greenlight_session") is not None
    return context_of(request).render(
        "error.html",
        {"status": status, "headline": headline, "message": message, "signed_in": signed_in},
        status,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headline = {404: "Page not found", 405: "Method not allowed"}
    return _error(
        request,
        error.status_code,
        headline.get(error.status_code, "That didn't work"),
        "Nothing was changed.",
    )


async def _bad_form(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadForm)
    return _error(request, error.status, "Nothing was changed", str(error))


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    _log.warning("%s %s: %s", request.method, request.url.path, error)
    headline = _HEADLINES.get(error.kind, "That didn't work")
    message = f"The file on the disk was refused: {error}" if error.kind == "report" else str(error)
    return _error(request, 422 if error.kind == "invalid" else 503, headline, sentence(message))


async def _signed_out(request: Request, error: Exception) -> Response:
    return RedirectResponse(SIGN_IN, 303)


async def _no_report(request: Request, error: Exception) -> Response:
    return _error(request, 404, "There's no report", str(error))


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("%s %s", request.method, request.url.path, exc_info=error)
    return _error(request, 500, "Unexpected error", "The details are in the log.")
