"""The page's process: HTTP on a socket that was opened for it, the appliance on another.

It binds no address, opens no file of the state folder, and goes on while the appliance restarts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Generator
from pathlib import Path

import uvicorn

from data.errors import GreenlightError
from data.exits import Exit
from data.notify import Watchdog, notify_systemd
from edge.page.app import make_app
from edge.page.client import ApplianceClient
from edge.page.connections import Connections
from edge.page.live import Live
from edge.page.middleware import MAX_HEAD_BYTES, HeadTimeoutProtocol
from edge.page.port import AppliancePort
from edge.page.rendering import Context, PageSettings

_log = logging.getLogger(__name__)

_KEEP_ALIVE_SECONDS = 5
_STOP_SECONDS = 2
_WATCH_SECONDS = 1.0
_NICE = 5
# For what remains after a graceful stop.
_END_SECONDS = 4.0


class PageUnusable(GreenlightError):
    """The page can't be served as it is configured. The message says what to do."""

    exit_code = Exit.CONFIGURATION


def run(listen: int, appliance: Path, settings: PageSettings, *, with_parent: bool) -> None:
    """Serve the page until SIGTERM, or until the parent has gone.

    Args:
        listen: the descriptor of a listening TCP socket.
        appliance: the path at which the appliance answers.
        settings: how to serve.
        with_parent: end when standard input does.

    Raises:
        PageUnusable: the socket or the certificate can't be used.
    """
    try:
        listener = socket.socket(fileno=listen)
        listener.getsockname()
    except OSError as error:
        raise PageUnusable(
            f"descriptor {listen} isn't a listening socket: start the page with systemd or"
            " `greenlight run`"
        ) from error
    server = PageServer(ApplianceClient(appliance), listener, settings)
    asyncio.run(_run(server, with_parent=with_parent))


async def _run(server: PageServer, *, with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    if with_parent:
        # Under systemd the unit sets this: flooding the page doesn't delay a press.
        os.nice(_NICE)
        threading.Thread(target=_end_with_parent, args=(loop, server), daemon=True).start()
    watching = loop.create_task(_feed_watchdog())
    notify_systemd("READY=1")
    try:
        await server.serve()
    finally:
        notify_systemd("STOPPING=1")
        watching.cancel()


async def _feed_watchdog() -> None:
    watchdog = Watchdog()
    while True:
        watchdog.feed()
        await asyncio.sleep(_WATCH_SECONDS)


def _end_with_parent(loop: asyncio.AbstractEventLoop, server: PageServer) -> None:
    """End when the appliance has, even if the event loop hangs."""
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(server.stop)
    time.sleep(_END_SECONDS)
    os._exit(Exit.OK)


class _Server(uvicorn.Server):
    """uvicorn's server with connections that we accept, and signals that we handle."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self.connections_ = Connections(listener, self._make_protocol, config.ssl)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.servers = []
        self.connections_.start()
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.connections_.stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def _make_protocol(self) -> HeadTimeoutProtocol:
        return HeadTimeoutProtocol(self.config, self.server_state, self.lifespan.state)


class PageServer:
    """The page of one appliance.

    Args:
        appliance: to ask.
        listener: a listening TCP socket; closed with the server.
        settings: how to serve.

    Raises:
        PageUnusable: the certificate can't be used.
    """

    def __init__(
        self, appliance: AppliancePort, listener: socket.socket, settings: PageSettings
    ) -> None:
        self._listener = listener
        self.live = Live(appliance)
        context = Context(appliance, self.live, settings, lambda client: self._trust(client))
        config = uvicorn.Config(
            make_app(context),
            http=HeadTimeoutProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        )
        config.load()
        config.ssl = _tls(settings)
        self._server = _Server(config, listener)

    async def serve(self) -> None:
        """Serve until `stop` is called."""
        passing_on = asyncio.create_task(self.live.run())
        try:
            await self._server.serve()
        finally:
            passing_on.cancel()
            self._listener.close()

    def stop(self) -> None:
        """End every connection, then `serve`. Called on the event loop."""
        self._server.should_exit = True
        self.live.stop()

    def _trust(self, client: tuple[str, int] | None) -> None:
        self._server.connections_.trust(client)


def _tls(settings: PageSettings) -> ssl.SSLContext | None:
    if settings.certificate is None:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise PageUnusable(
            f"{settings.certificate} and its key can't be used for HTTPS ({error}); "
            "check page_certificate and page_key, and that the page's user may read them"
        ) from error
    return context
