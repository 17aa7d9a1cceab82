"""The network in front of the broker: a relay whose port can be closed and opened again."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_CONNECT_SECONDS = 5.0
_STOP_SECONDS = 5.0
_CHUNK = 65_536
Result = TypeVar("Result")


class Relay:
    """Relays bytes between its own port and the broker's; a context manager.

    While it is offline, connections are cut and refused, as by a dead network.
    """

    def __init__(self, port: int, target: int) -> None:
        self._port = port
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Relay:
        self._thread.start()
        self.online()
        return self

    def __exit__(self, *_: object) -> None:
        self.offline()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_SECONDS)
        self._loop.close()

    @property
    def is_online(self) -> bool:
        """Whether the port is open."""
        return self._server is not None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._writers) // 2

    def online(self) -> None:
        """Open the port, unless it is open."""
        self._run(self._open())

    def offline(self) -> None:
        """Close the port and cut every connection, unless it is closed."""
        self._run(self._close())

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                there_reader, there_writer = await asyncio.open_connection(
                    "127.0.0.1", self._target
                )
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, there_writer}
        self._writers |= ends
        try:
            await asyncio.gather(_pass(reader, there_writer), _pass(there_reader, writer))
        finally:
            self._writers -= ends


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Relay bytes until either side closes, then close both directions."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()
