"""A flooded socket still serves its users, at a limited cost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from edge.appliance import line_server
from edge.appliance.line_server import LineLimits, LineServer, Peer, listen_at

LIMITS = LineLimits(
    connections=12, per_user=8, request_bytes=1000, idle_seconds=30, per_second=10_000
)


class Flooded:
    """A served socket, and what was answered on it."""

    def __init__(self, path: Path, server: LineServer) -> None:
        self.path = path
        self.server = server

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.path)

    async def ask(self, line: bytes = b"hello\n") -> bytes:
        reader, writer = await self.connect()
        writer.write(line)
        try:
            return await asyncio.wait_for(reader.readline(), 10)
        finally:
            writer.close()


def serve(
    folder: Path,
    visit: Callable[[Flooded], Awaitable[None]],
    admitted: bool = True,
    **limits: float,
) -> list[bytes]:
    asked: list[bytes] = []

    async def answer(line: bytes) -> bytes:
        asked.append(line)
        return line.strip().upper()

    async def run() -> None:
        server = LineServer(
            "test", answer, lambda _: admitted, b"no", b"busy", replace(LIMITS, **limits)
        )
        await server.start(listen_at(folder / "s", 0o600))
        try:
            await visit(Flooded(folder / "s", server))
        finally:
            server.close()

    asyncio.run(run())
    return asked


def test_a_permitted_user_is_answered_and_others_are_refused(tmp_path):
    async def visit(to: Flooded) -> None:
        assert await to.ask() == b"HELLO\n"

    serve(tmp_path, visit)

    async def refused(to: Flooded) -> None:
        assert await to.ask() == b"no\n"

    assert serve(tmp_path, refused, admitted=False) == []


def test_idle_connections_make_room_for_a_new_caller(tmp_path, monkeypatch):
    monkeypatch.setattr(line_server, "_GRACE_SECONDS", 0.0)

    async def visit(to: Flooded) -> None:
        idle = [await to.connect() for _ in range(100)]
        for _ in range(20):
            assert await to.ask() == b"HELLO\n"
        assert to.server.connected <= LIMITS.per_user
        # Closed connections got the reply that nothing was done.
        assert await asyncio.wait_for(idle[0][0].readline(), 10) == b"busy\n"
        for _, writer in idle:
            writer.close()

    serve(tmp_path, visit)


def test_a_new_connection_is_not_closed_for_the_next_one(tmp_path):
    async def visit(to: Flooded) -> None:
        first = [await to.connect() for _ in range(LIMITS.per_user)]
        await asyncio.sleep(0.05)
        assert await to.ask() == b"busy\n"
        first[0][1].write(b"me first\n")
        assert await asyncio.wait_for(first[0][0].readline(), 10) == b"ME FIRST\n"
        for _, writer in first:
            writer.close()

    serve(tmp_path, visit)


def test_many_callers_take_few_descriptors_and_write_little_log(tmp_path, caplog):
    caplog.set_level(logging.WARNING)

    count = psutil.Process().num_fds

    async def visit(to: Flooded) -> None:
        before, most = count(), 0
        with contextlib.ExitStack() as callers:
            for called in range(1, 601):
                caller = callers.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                caller.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    caller.connect(str(to.path))
                await asyncio.sleep(0)
                most = max(most, count() - before - called)
        assert most <= LIMITS.connections + 2 * line_server._BACKLOG
        await asyncio.sleep(0.1)
        assert await to.ask() == b"HELLO\n"

    serve(tmp_path, visit)
    assert caplog.records == []


async def is_ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server has ended this connection, without a word, before long."""
    try:
        return await asyncio.wait_for(reader.read(), 10) == b""
    except TimeoutError:
        return False


def test_silent_callers_and_endless_lines_are_cut_off(tmp_path):
    async def visit(to: Flooded) -> None:
        reader, writer = await to.connect()
        assert await is_ended(reader)
        writer.close()
        assert await to.ask(b"x" * 5000) == b""
        reader, writer = await to.connect()
        writer.write(b"half a line")
        assert await is_ended(reader)
        writer.close()

    serve(tmp_path, visit, idle_seconds=0.2)


def test_a_user_is_answered_only_so_often(tmp_path):
    async def visit(to: Flooded) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(30):
            assert await to.ask() == b"HELLO\n"
        # A second's worth at once, then one every tenth of a second.
        assert loop.time() - began >= 1.5

    serve(tmp_path, visit, per_second=10)


def test_a_caller_that_stops_sending_is_still_answered(tmp_path):
    async def visit(to: Flooded) -> None:
        reader, writer = await to.connect()
        writer.write(b"hello\n")
        writer.write_eof()
        assert await asyncio.wait_for(reader.readline(), 10) == b"HELLO\n"
        writer.close()

    serve(tmp_path, visit)


def test_a_request_whose_caller_has_left_is_not_carried_out(tmp_path):
    async def visit(to: Flooded) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.connect(str(to.path))
            caller.sendall(b"gone\n")
        await asyncio.sleep(0.2)

    assert serve(tmp_path, visit) == []


def test_the_kernel_says_who_asks():
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with here, there:
        assert line_server.peer_of(here) == Peer(os.getpid(), os.geteuid(), os.getegid())


@pytest.mark.parametrize("kept", ["file", "socket"])
def test_what_an_earlier_appliance_left_is_replaced(tmp_path, kept):
    if kept == "file":
        (tmp_path / "s").write_text("x")
    else:
        listen_at(tmp_path / "s", 0o600).close()
    with listen_at(tmp_path / "s", 0o600):
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
