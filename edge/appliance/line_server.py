"""Serves a Unix socket within limits: one line in, one line out, for permitted users.

Flooding it is pointless: connections are limited in total and per user, and so is the rate of
answers; idle connections are closed. A new connection replaces the user's longest idle one, so idle
connections never keep their own user out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edge.appliance.client import short_path

# For a caller to read its answer.
_TAKE_SECONDS = 10.0
# Someone who has just connected is about to send a request: don't close their connection.
_GRACE_SECONDS = 0.5
# Connections that the kernel holds until we accept them; few, so that a flood waits there.
_BACKLOG = 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LineLimits:
    """Limits for callers.

    Attributes:
        connections: at the same time, in all.
        per_user: at the same time, of one user.
        request_bytes: of one line.
        idle_seconds: until a connection without a request is closed.
        per_second: answers for one user, on average.
    """

    connections: int
    per_user: int
    request_bytes: int
    idle_seconds: float
    per_second: float


class Peer(NamedTuple):
    """Who is at the other end of a Unix socket, as the kernel says."""

    pid: int
    uid: int
    gid: int


def peer_of(connection: socket.socket) -> Peer:
    """Return who is at the other end."""
    size = struct.calcsize("3i")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return Peer(*struct.unpack("3i", found))


def listen_at(path: Path, mode: int) -> socket.socket:
    """Return a socket that listens at a path, in place of a dead one.

    Raises:
        OSError: it cannot be made.
    """
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as short:
        listening.bind(short)
        os.chmod(short, mode)  # noqa: PTH101 - a descriptor's path, not a Path
    return listening


@dataclass(eq=False)
class _Caller:
    uid: int
    writer: asyncio.StreamWriter
    idle_since: float | None = field(default_factory=time.monotonic)

    def idle_for(self, now: float) -> float:
        return -1.0 if self.idle_since is None else now - self.idle_since


class LineServer:
    """Answers lines on one Unix socket.

    Args:
        name: of the socket, for the log.
        answer: returns the answer to a line, without its end.
        admits: whether a peer may ask.
        refusal: the answer to one that isn't admitted.
        busy: the answer when all connections are taken; the line was not carried out.
        limits: for everyone.
    """

    def __init__(
        self,
        name: str,
        answer: Callable[[bytes], Awaitable[bytes]],
        admits: Callable[[Peer], bool],
        refusal: bytes,
        busy: bytes,
        limits: LineLimits,
    ) -> None:
        self._name = name
        self._answer = answer
        self._admits = admits
        self._refusal = refusal
        self._busy = busy
        self._limits = limits
        self._callers: set[_Caller] = set()
        self._next_at: dict[int, float] = {}
        self._server: asyncio.Server | None = None

    @property
    def connected(self) -> int:
        """How many callers are connected."""
        return len(self._callers)

    async def start(self, listening: socket.socket) -> None:
        """Serve a listening socket from now on."""
        limit = self._limits.request_bytes
        self._server = await asyncio.start_unix_server(
            self._connected, sock=listening, limit=limit, backlog=_BACKLOG
        )

    def close(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.close()
        for caller in list(self._callers):
            caller.writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = peer_of(writer.get_extra_info("socket"))
        caller = _Caller(peer.uid, writer)
        try:
            if not self._make_place(peer.uid):
                _end(writer, self._busy)
                return
            self._callers.add(caller)
            await self._serve(caller, reader, admitted=self._admits(peer))
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            _log.info("%s: a caller went away: %s", self._name, error)
        except asyncio.CancelledError:
            # The appliance is stopping with a caller connected; asyncio would log that as an error.
            _log.info("%s: stopped while a caller was connected", self._name)
        finally:
            self._callers.discard(caller)
            writer.close()

    async def _serve(
        self, caller: _Caller, reader: asyncio.StreamReader, *, admitted: bool
    ) -> None:
        while line := await self._next_line(reader):
            caller.idle_since = None
            await asyncio.sleep(self._pause(caller.uid))
            if _has_gone(caller.writer):
                # The caller has gone, and expects nothing to be done any more.
                return
            # Only now: a caller who is still sending would not see the reply.
            caller.writer.write((await self._answer(line) if admitted else self._refusal) + b"\n")
            async with asyncio.timeout(_TAKE_SECONDS):
                await caller.writer.drain()
            if not admitted:
                return
            caller.idle_since = time.monotonic()

    async def _next_line(self, reader: asyncio.StreamReader) -> bytes:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.idle_seconds):
                return await reader.readline()
        return b""

    def _pause(self, uid: int) -> float:
        """Return how long a user's next answer has to wait."""
        now = time.monotonic()
        self._next_at = {one: at for one, at in self._next_at.items() if at > now - 1.0}
        # A second's worth may come at once.
        at = max(self._next_at.get(uid, 0.0), now - 1.0)
        self._next_at[uid] = at + 1.0 / self._limits.per_second
        return max(0.0, at - now)

    def _make_place(self, uid: int) -> bool:
        """Return whether there is a place for one more caller, after ending an idle one for it."""
        mine = [one for one in self._callers if one.uid == uid]
        if len(mine) >= self._limits.per_user:
            return self._end_idle(mine)
        if len(self._callers) < self._limits.connections:
            return True
        most = max(self._callers, key=lambda one: sum(o.uid == one.uid for o in self._callers))
        return self._end_idle([one for one in self._callers if one.uid == most.uid])

    def _end_idle(self, callers: list[_Caller]) -> bool:
        now = time.monotonic()
        longest = max(callers, key=lambda one: one.idle_for(now))
        if longest.idle_for(now) < _GRACE_SECONDS:
            return False
        self._callers.discard(longest)
        _end(longest.writer, self._busy)
        return True


def _has_gone(writer: asyncio.StreamWriter) -> bool:
    """Return whether the other side has closed, rather than only finished sending."""
    poll = select.poll()
    poll.register(writer.get_extra_info("socket").fileno(), 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _end(writer: asyncio.StreamWriter, last: bytes) -> None:
    writer.write(last + b"\n")
    writer.close()
