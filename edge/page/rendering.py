"""What every route needs: settings, sign-in, queries, live updates, and the templates."""

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
from edge.page.auth import Authenticator, WebSession
from edge.page.directors import DirectorIndex
from edge.page.live import Live
from edge.page.port import AppliancePort
from edge.page.queries import PageHeader, QueryThread, page_header

HERE = Path(__file__).parent
STATIC = HERE / "static"

# Each page's address; after a refused action a page is shown under the action's address.
PATHS = {
    "pick.html": "/",
    "slate.html": "/slate",
    "history.html": "/history",
    "model.html": "/model",
    "sync.html": "/sync",
}

# What a page says after an action; the address bar carries only the key.
DONE = {
    "pressed": "Searching for the best film.",
    "approved": "Approved. Come back to rate it once it's made.",
    "rated": "Thank you. Your rating is saved.",
    "narrowed": "Saved. The next press chooses from this.",
    "synchronise": "Asked the sync service to connect and verify now.",
}


@dataclass(frozen=True)
class PageSettings:
    """Where and how to serve the page.

    Attributes:
        host: the address to bind; loopback until the owner says LAN (`0.0.0.0` or `::`).
        port: 0 for any free one.
        names: more names that browsers may use for the page, besides this machine's own name and
            addresses.
        certificate, key: PEM files for HTTPS; both or neither.
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
    """The parts of one running page."""

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
            formatting.number,
            formatting.sentence,
        ):
            environment.globals[one.__name__] = one
        environment.globals["day"] = formatting.day
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
        find: Callable[[AppliancePort, Journal], dict[str, Any]],
        *,
        status: int = 200,
        problem: str | None = None,
    ) -> HTMLResponse:
        """Return a page for someone who is signed in.

        Args:
            request: to answer.
            template: its file name.
            find: returns what the template shows; runs in the query thread.
            status: of the response.
            problem: why an action was refused, in one sentence.
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
    """Return the context of a request."""
    found = request.app.state.context
    assert isinstance(found, Context)
    return found


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
