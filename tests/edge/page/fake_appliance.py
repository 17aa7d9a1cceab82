"""An appliance without pins and model, for tests of the page; everything else is real."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from data.domain import FILMS
from edge.appliance import Command, Outcome, RefusalKind
from edge.appliance.machine import Phase, State
from edge.appliance.observers import Observers
from edge.appliance.page_process import page_socket
from edge.appliance.page_verbs import PageVerbs
from edge.appliance.pairing import Pairing
from edge.page.client import ApplianceClient
from edge.page.rendering import PageSettings
from edge.page.server import PageServer

from .running_appliance import Visitor

WAIT_SECONDS = 30


class FakeAppliance:
    """Does nothing until a test changes it; declines every action."""

    def __init__(self) -> None:
        self.state = State(phase=Phase.READY)
        self.config = SimpleNamespace(thing="MovieSelector", demonstration=False)
        self.attention = SimpleNamespace(sentences=[])
        self.store = SimpleNamespace(read=lambda: SimpleNamespace(active=None, previous=None))
        self.observers = Observers()
        self.pairing = Pairing()
        self.domain = FILMS
        self.fault = self.model = self.bundle = self.slate = None
        self.loop: asyncio.AbstractEventLoop | None = None

    def change(self, fault: str) -> None:
        self.fault = fault
        self.loop.call_soon_threadsafe(self.observers.notify)

    def look_at_pairing(self) -> None:
        self.pairing.advance(time.monotonic())

    async def execute(self, command: Command) -> Outcome:
        return Outcome.refused(RefusalKind.NOT_NOW, "there is no model yet")

    def begin(self, command: Command, *, asker: Hashable = None) -> asyncio.Task[Outcome]:
        return asyncio.get_running_loop().create_task(self.execute(command))


class Served:
    """A page being served, and the appliance's answers."""

    def __init__(self, server: PageServer, verbs: PageVerbs, port: int, encrypted: bool) -> None:
        self.server = server
        self.verbs = verbs
        self.port = port
        self.address = f"{'https' if encrypted else 'http'}://localhost:{port}/"

    @property
    def auth(self):
        return self.verbs.auth

    @property
    def live(self):
        return self.server.live

    @property
    def connections(self):
        return self.server._server.connections_


@contextlib.asynccontextmanager
async def _serving(
    appliance: FakeAppliance, state: Path, settings: PageSettings
) -> AsyncIterator[Served]:
    verbs = PageVerbs(appliance, state)
    try:
        async with page_socket(verbs) as path:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                client = ApplianceClient(path)
                server = PageServer(client, listener, settings)
                port = listener.getsockname()[1]
                running = asyncio.create_task(server.serve())
                yield Served(server, verbs, port, settings.encrypted)
                server.stop()
                await asyncio.wait_for(running, WAIT_SECONDS)
                client.close()
    finally:
        verbs.close()


@contextmanager
def served(
    appliance: FakeAppliance, state: Path, settings: PageSettings | None = None
) -> Iterator[Served]:
    """Serve an appliance's page on a free port, on a loop in a thread, until the block ends."""
    begun: list[Served | BaseException] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        loop = appliance.loop = asyncio.get_running_loop()
        try:
            async with _serving(appliance, state, settings or PageSettings()) as page:
                begun.append(page)
                ready.set()
                await loop.run_in_executor(None, over.wait)
        except BaseException as error:
            begun.append(error)
            raise
        finally:
            ready.set()

    def run() -> None:
        with contextlib.suppress(Exception):
            asyncio.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(WAIT_SECONDS)
        if isinstance(begun[0], BaseException):
            raise begun[0]
        yield begun[0]
    finally:
        over.set()
        thread.join(WAIT_SECONDS)
    assert not thread.is_alive()


def owner_of(page: Served) -> Visitor:
    """Return a visitor who has signed in."""
    visitor = Visitor(page.port)
    assert visitor.sign_in(page.auth.pin().digits) == 303
    return visitor
