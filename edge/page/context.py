"""What every route needs: the desk, the door, the live pages, and the templates."""

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
from edge.page import words
from edge.page.desk import Desk, Front, front
from edge.page.directors import DirectorIndex
from edge.page.door import Door
from edge.page.house import House
from edge.page.live import Live
from edge.page.sessions import Session
from edge.page.settings import PageSettings

HERE = Path(__file__).parent
STATIC = HERE / "static"

# Where each page is; an order that was refused shows one under its own address.
PATHS = {
    "pick.html": "/",
    "slate.html": "/slate",
    "history.html": "/history",
    "model.html": "/model",
    "delivery.html": "/sync",
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
class Context:
    """The parts of one page, as the routes use them."""

    desk: Desk
    door: Door
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
        for one in (words.duration, words.counted, words.listed, words.signed, words.percent):
            environment.globals[one.__name__] = one
        environment.globals["day"] = words.day
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
        find: Callable[[House, Journal], dict[str, Any]],
        *,
        status: int = 200,
        problem: str | None = None,
    ) -> HTMLResponse:
        """Return a page for someone who is signed in.

        Args:
            request: asks for it.
            template: by file name.
            find: finds out what the template shows, in the desk's thread.
            status: of the answer.
            problem: what went wrong with the order before, in one sentence.
        """

        def both(house: House, journal: Journal) -> tuple[Front, dict[str, Any]]:
            return front(house, journal), find(house, journal)

        found, values = await self.desk.ask(both)
        return self.render(
            template,
            {
                "front": found,
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
