"""What every route needs: settings, sign-in, queries, live pages, and the templates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from edge.journal import Journal
from edge.page import formatting
from edge.page.auth import Authenticator, Session
from edge.page.directors import DirectorIndex
from edge.page.live import Live
from edge.page.port import AppliancePort
from edge.page.queries import PageHeader, QueryThread, page_header

HERE = Path(__file__).parent
STATIC = HERE / "static"

# Where each page is; an order that was refused shows one under its own address.
PATHS = {
    "pick.html": "/",
    "slate.html": "/slate",
    "history.html": "/history",
    "model.html": "/model",
    "sync.html": "/sync",
}

# What a finished order says; the address bar carries only the key.
DONE = {
    "pressed": "Searching for the best film.",
    "approved": "Approved. Rate it here when it is made.",
    "rated": "Thank you. The rating is on the disk and on its way.",
    "narrowed": "The next press draws from this slate.",
    "synchronise": "The sync service was asked to connect and verify now.",
}


@dataclass(frozen=True)
class PageSettings:
    """How to serve.

    Attributes:
        host: the address to bind; loopback until the owner says LAN (`0.0.0.0` or `::`).
        port: 0 for any free one.
        names: further names under which browsers may ask for the page; this machine's own name
            and its addresses are known without.
        certificate, key: files in PEM for HTTPS; both or none.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the page is served over HTTPS."""
        return self.certificate is not None


@dataclass(frozen=True)
class Context:
    """The parts of one page, as the routes use them."""

    queries: QueryThread
    auth: Authenticator
    live: Live
    settings: PageSettings
    indexes: dict[str, DirectorIndex] = field(default_factory=dict)

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
        ):
            environment.globals[one.__name__] = one
        environment.globals["day"] = formatting.day
        environment.globals["asset"] = asset
        return environment

    def render(self, template: str, values: dict[str, Any], status: int = 200) -> HTMLResponse:
        """Return a page of this template."""
        text = self._templates.get_template(template).render(values)
        return HTMLResponse(text, status)

    async def show(
        self,
        request: Request,
        template: str,
        find: Callable[[AppliancePort, Journal], dict[str, Any]],
        *,
        status: int = 200,
        problem: str | None = None,
    ) -> HTMLResponse:
        """Return a page for someone who is signed in.

        Args:
            request: asks for it.
            template: by file name.
            find: finds out what the template shows, in the query thread.
            status: of the answer.
            problem: what went wrong with the order before, in one sentence.
        """

        def both(appliance: AppliancePort, journal: Journal) -> tuple[PageHeader, dict[str, Any]]:
            return page_header(appliance, journal), find(appliance, journal)

        found, values = await self.queries.run(both)
        return self.render(
            template,
            {
                "header": found,
                "here": PATHS[template],
                "token": session_of(request).token,
                "problem": problem,
                "done": DONE.get(request.query_params.get("done", "")),
                **values,
            },
            status,
        )


def context_of(request: Request) -> Context:
    """Return the context of the page that a request is for."""
    found = request.app.state.context
    assert isinstance(found, Context)
    return found


def session_of(request: Request) -> Session:
    """Return the session of a request that has passed the door."""
    found = request.scope["greenlight_session"]
    assert isinstance(found, Session)
    return found


_marks: dict[str, str] = {}


def asset(name: str) -> str:
    """Return the address of a static file, with a mark of its content, so that it may be cached."""
    if name not in _marks:
        _marks[name] = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{_marks[name]}"
