"""The page's process, from the appliance's side: its socket, and its child on a laptop.

Under systemd the page is a separate unit with its own user, both named by environment variables.
Elsewhere `greenlight run` opens the page's address, starts `greenlight page` with it,
and restarts it whenever it ends. Whatever happens to it, button and light keep working.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from data.errors import GreenlightError
from data.exits import Exit
from edge.appliance.attention import Attention
from edge.appliance.line_server import LineLimits, LineServer, listen_at
from edge.appliance.page_verbs import PageVerbs
from edge.config import Config
from edge.page.port import MOST_REQUEST_BYTES, PageAnswer

# Under systemd: where the page asks, and as which user.
SOCKET_VARIABLE, USER_VARIABLE = "GREENLIGHT_PAGE_SOCKET", "GREENLIGHT_PAGE_USER"
LIMITS = LineLimits(
    connections=16,
    per_user=16,
    request_bytes=MOST_REQUEST_BYTES,
    idle_seconds=300.0,
    per_second=200.0,
)
# Browsers waiting while the page starts or restarts.
_BACKLOG = 128
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.5, 60.0
# A page that ran this long had started properly.
_SETTLED_SECONDS = 60.0
_STOP_SECONDS = 5.0
_ANY, _IPV6 = "::", Path("/proc/net/if_inet6")
_LONGEST_LINE = 1000
_log = logging.getLogger(__name__)


class PageUnavailable(GreenlightError):
    """The page can't be served; the appliance works without it. The message says what to do."""


@contextlib.asynccontextmanager
async def page_socket(verbs: PageVerbs) -> AsyncIterator[Path]:
    """Answer the page at a path until the block ends.

    Raises:
        PageUnavailable: the socket can't be made, or the page has no user.
    """
    named = os.environ.get(SOCKET_VARIABLE)
    with contextlib.ExitStack() as stack:
        if named is None:
            # Not in a folder that the page would have to open, and for this user only.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="greenlight-page-"))
            path, mode, uid = Path(folder) / "appliance.sock", 0o600, os.geteuid()
        else:
            path, mode, uid = Path(named), 0o666, _page_user()
        try:
            listening = listen_at(path, mode)
        except OSError as error:
            raise PageUnavailable(f"the page can't reach the appliance: {path}: {error}") from error
        stack.callback(path.unlink, missing_ok=True)
        server = LineServer(
            "page socket",
            verbs.answer,
            lambda peer: peer.uid == uid,
            _encoded(PageAnswer(problem="not allowed", message="only the page may ask this")),
            _encoded(PageAnswer(problem="busy", message="too many connections")),
            LIMITS,
        )
        await server.start(listening)
        stack.callback(server.close)
        yield path


def is_a_unit() -> bool:
    """Return whether systemd starts the page, so that we don't."""
    return SOCKET_VARIABLE in os.environ


def _page_user() -> int:
    name = os.environ.get(USER_VARIABLE, "greenlight-page")
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise PageUnavailable(f"the page's user {name} doesn't exist; install again") from error


def _encoded(answer: PageAnswer) -> bytes:
    return msgspec.json.encode(answer)


def bind(config: Config) -> socket.socket:
    """Return a socket that listens at the page's address.

    Raises:
        PageUnavailable: the address is taken or not ours.
    """
    host, port = config.page_host, config.page_port
    if host == _ANY and not _IPV6.exists():
        # On a kernel without IPv6, everyone comes by IPv4.
        host = "0.0.0.0"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PageUnavailable(
            f"the page can't be served on {host} port {port}: {error.strerror}; "
            "choose another page_host or page_port"
        ) from error
    return listener


class PageChild:
    """Keeps a page running beside the appliance; a task of the event loop.

    Args:
        options: of `greenlight page`, without those for the two sockets.
        listener: where browsers connect. It stays open while the page is started again.
        path: where the page asks the appliance.
        attention: for a page that can't be served at all.
    """

    def __init__(
        self, options: Sequence[str], listener: socket.socket, path: Path, attention: Attention
    ) -> None:
        self._options = options
        self._listener = listener
        self._path = path
        self._attention = attention
        self._process: asyncio.subprocess.Process | None = None
        self._last_line = ""

    @property
    def pid(self) -> int | None:
        """The page's process, while there is one."""
        return self._process.pid if self._process is not None else None

    async def run(self) -> None:
        """Start it, and restart it whenever it ends, until cancelled."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE_SECONDS
        while True:
            began = loop.time()
            try:
                code = await self._run_once()
            except OSError as error:
                code, self._last_line = Exit.FAILED, str(error)
            if code in (Exit.USAGE, Exit.CONFIGURATION):
                self._attention.raise_("page", self._last_line or "the page can't be served")
                return
            if loop.time() - began >= _SETTLED_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            _log.warning("the page ended with code %d; restarting it in %.1f s", code, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_PAUSE_SECONDS)

    async def close(self) -> None:
        """End the page; kill it if it doesn't end in time."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)

    async def _run_once(self) -> int:
        listening = self._listener.fileno()
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", "page", "--with-parent"),
            *("--listen", str(listening), "--appliance", str(self._path), *self._options),
            pass_fds=(listening,),
            # The page ends when this pipe does, however the appliance ends.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        await _read_lines(process.stderr, self._take_line)
        return await process.wait()

    def _take_line(self, line: str) -> None:
        self._last_line = line.removeprefix("greenlight: ")
        _log.warning("page: %s", line)


async def _read_lines(stream: asyncio.StreamReader, take: Callable[[str], None]) -> None:
    """Read each line as it comes; a line that is too long is cut."""
    kept = b""
    while chunk := await stream.read(4096):
        *lines, kept = (kept + chunk).split(b"\n")
        kept = kept[:_LONGEST_LINE]
        for line in lines:
            if text := line[:_LONGEST_LINE].decode("utf-8", "replace").strip():
                take(text)
