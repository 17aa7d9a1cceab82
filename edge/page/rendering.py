"""What every route needs: settings, the appliance, live updates, and the templates."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response

from edge.local_time import day, local_time
from edge.page import formatting
from edge.page.auth import cookie_name
from edge.page.live import Live
from edge.page.port import AppliancePort, Found, PageVerb, WebSession
from edge.page.queries import Ask
from edge.page.wording import Wording

HERE = Path(__file__).parent
STATIC = HERE / "static"

# Each page's address; after a refused action a page is shown under the action's address.
PATHS = {
    "pick.html": "/",
    "slate.html": "/slate",
    "what_if.html": "/what-if",
    "history.html": "/history",
    "model.html": "/model",
    "report.html": "/report",
    "sync.html": "/sync",
    "pin.html": "/pin",
}

# What a page says after an action; the address bar carries only the key.
DONE = {
    "pressed": "Searching for the best one.",
    "approved": "Approved. Come back to rate it once you know how it turned out.",
    "rated": "Thank you. Your rating is saved.",
    "corrected": "The rating is corrected.",
    "withdrawn": "The rating is withdrawn: no model learns from it.",
    "narrowed": "Saved. The next press chooses from this.",
    "retried": "These ratings will be sent again.",
    "synchronise": "Asked the sync service to connect and verify now.",
}


@dataclass(frozen=True)
class PageSettings:
    """How to serve the page.

    Attributes:
        names: more names that browsers may use for the page than this machine's own name and
            addresses.
        certificate, key: PEM files for HTTPS; both or neither.
    """

    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the page is served over HTTPS."""
        return self.certificate is not None


@dataclass(frozen=True)
class Context:
    """The parts of one running page.

    Attributes:
        trust: is given the client of each request that has a session.
    """

    appliance: AppliancePort
    live: Live
    settings: PageSettings
    trust: Callable[[tuple[str, int] | None], None] = lambda _: None

    @cached_property
    def _templates(self) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        for one in (
            formatting.duration,
            formatting.counted,
            formatting.listed,
            formatting.signed,
            formatting.percent,
            formatting.number,
            formatting.sentence,
        ):
            environment.globals[one.__name__] = one
        environment.globals["day"] = day
        environment.globals["local_time"] = local_time
        environment.globals["asset"] = asset
        return environment

    def render(self, template: str, values: dict[str, Any], status: int = 200) -> HTMLResponse:
        """Return a page made from a template."""
        text = self._templates.get_template(template).render(values)
        return HTMLResponse(text, status)

    async def show(
        self,
        request: Request,
        template: str,
        find: Callable[[Ask], Awaitable[dict[str, Any]]],
        *,
        status: int = 200,
        problem: str | None = None,
    ) -> HTMLResponse:
        """Return a page for someone who is signed in.

        Args:
            request: to answer.
            template: its file name.
            find: returns what the template shows, the page's header among it.
            status: of the response.
            problem: why an action was refused, in one sentence.
        """
        values = await find(asking(request))
        say = Wording(values["header"].status.domain)
        return self.render(
            template,
            {
                "here": PATHS[template],
                "token": session_of(request).token,
                "say": say,
                "problem": problem,
                "done": DONE.get(request.query_params.get("done", "")),
                **values,
            },
            status,
        )


def context_of(request: Request) -> Context:
    """Return the context of a request."""
    found = request.app.state.context
    assert isinstance(found, Context)
    return found


def cookie_of(request: HTTPConnection) -> str:
    """Return the cookie that a request's session would be in; empty if there is none."""
    return request.cookies.get(cookie_name(encrypted=request.url.scheme == "https"), "")


def set_cookie(
    request: Request, answer: Response, value: str, seconds: int, *, pairing: bool = False
) -> None:
    """Give a browser the cookie of its session, or of its pairing; an empty one removes it."""
    encrypted = context_of(request).settings.encrypted
    answer.set_cookie(
        cookie_name(encrypted=encrypted, pairing=pairing),
        value,
        max_age=seconds if value else 0,
        httponly=True,
        samesite="strict",
        secure=encrypted,
    )


def address_of(request: Request) -> str:
    """Return the address that a request came from; empty if it is unknown."""
    return request.client.host if request.client else ""


def asking(request: Request) -> Ask:
    """Return how to ask the appliance on behalf of a request's session."""
    appliance, cookie = context_of(request).appliance, cookie_of(request)

    async def ask(verb: PageVerb, found: type[Found]) -> Found:
        return await appliance.ask(verb, found, cookie)

    return ask


def session_of(request: Request) -> WebSession:
    """Return the session of a request that needed one."""
    found = request.scope["greenlight_session"]
    assert isinstance(found, WebSession)
    return found


_hashes: dict[str, str] = {}


def asset(name: str) -> str:
    """Return a static file's address with a hash of its content, so that it can be cached."""
    if name not in _hashes:
        _hashes[name] = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{_hashes[name]}"
