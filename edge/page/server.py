"""Serves the page from inside the appliance, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
import time
from pathlib import Path

import uvicorn

from data.errors import GreenlightError
from edge.journal import JOURNAL
from edge.page.app import make_app
from edge.page.auth import Authenticator
from edge.page.live import Live
from edge.page.middleware import MAX_HEAD_BYTES, HeadTimeoutProtocol
from edge.page.port import AppliancePort
from edge.page.queries import QueryThread
from edge.page.rendering import Context, PageSettings

_log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 64
_KEEP_ALIVE_SECONDS = 5
_STOP_SECONDS = 2
_TIMEOUT_SECONDS = 30.0


class PageUnavailable(GreenlightError):
    """The page can't be served; the appliance works without it. The message says what to do."""


class PageServer:
    """The page of one appliance.

    Args:
        appliance: to show.
        state: its state folder, with journal and PIN.
        settings: where to serve.

    Raises:
        PinUnusable: the PIN's file can be neither read nor written.
    """

    def __init__(self, appliance: AppliancePort, state: Path, settings: PageSettings) -> None:
        self._settings = settings
        self.auth = Authenticator(state)
        self._queries = QueryThread(appliance, state / JOURNAL)
        self._live = Live(appliance.subscribe)
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked_at: float | None = None

    @property
    def address(self) -> str:
        """The page's address on this machine."""
        assert self._socket is not None
        scheme = "https" if self._settings.encrypted else "http"
        return f"{scheme}://localhost:{self._socket.getsockname()[1]}/"

    def start(self) -> None:
        """Start serving; when this returns, connections are accepted.

        Raises:
            PageUnavailable: the address is taken or not ours, or the certificate can't be used.
        """
        config = uvicorn.Config(
            make_app(Context(self._queries, self.auth, self._live, self._settings)),
            http=HeadTimeoutProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        )
        self._use_certificate(config)
        self._socket = self._bind()
        self._server = uvicorn.Server(config)
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._server, started), name="page", daemon=True
        )
        self._thread.start()
        started.wait(_TIMEOUT_SECONDS)
        _log.info("the page is at %s", self.address)

    def stop(self) -> None:
        """Close every connection and end the thread."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            if self._loop is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(self._live.stop)
            self._thread.join(_TIMEOUT_SECONDS)
        if self._socket is not None:
            self._socket.close()
        self.auth.close()
        self._queries.close()

    def is_fresh(self) -> bool:
        """Return whether the page still answers, for the watchdog."""
        if self._loop is None or self._thread is None or not self._thread.is_alive():
            return False
        now, asked_at = time.monotonic(), self._asked_at
        if asked_at is None:
            # The page's thread may answer any time from here on, so keep our own copy.
            self._asked_at = asked_at = now
            self._loop.call_soon_threadsafe(self._heard)
        return now - asked_at < _TIMEOUT_SECONDS

    def _heard(self) -> None:
        self._asked_at = None

    def _bind(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind((host, port))
            listener.listen(_MOST_CONNECTIONS)
        except OSError as error:
            listener.close()
            raise PageUnavailable(
                f"the page can't be served on {host} port {port}: {error.strerror}; "
                "choose another page_host or page_port"
            ) from error
        return listener

    def _use_certificate(self, config: uvicorn.Config) -> None:
        certificate, key = self._settings.certificate, self._settings.key
        if certificate is None:
            return
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise PageUnavailable(
                f"{certificate} and its key can't be used for HTTPS ({error}); "
                "check page_certificate and page_key"
            ) from error
        config.load()
        config.ssl = context

    def _run(self, server: uvicorn.Server, started: threading.Event) -> None:
        try:
            asyncio.run(self._serve(server, started))
        except Exception:  # noqa: BLE001 - the outermost frame of this thread
            _log.exception("the page has stopped; the appliance carries on without it")
        finally:
            started.set()

    async def _serve(self, server: uvicorn.Server, started: threading.Event) -> None:
        assert self._socket is not None
        self._loop = asyncio.get_running_loop()
        passing_on = asyncio.create_task(self._live.run())
        started.set()
        try:
            await server.serve(sockets=[self._socket])
        finally:
            passing_on.cancel()
