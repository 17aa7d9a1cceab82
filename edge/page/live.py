"""Live pages: a server-sent event says that something changed, and the page reloads its content.

Changes are gathered for a moment, so a burst costs each page one reload. A browser opens few
connections to one host, so a session gets few streams: the newest win, the others poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from edge.page.port import AppliancePort, AwaitNews, News, Problem

GATHER_SECONDS = 0.4
# Before asking again an appliance that didn't answer.
ASK_AGAIN_SECONDS = 1.0
# Even without a change: text such as "next try in 40 s" goes stale.
REFRESH_SECONDS = 30.0
MOST_STREAMS, MOST_OF_A_SESSION = 24, 4


class TooManyStreams(Exception):
    """No more pages can be kept live; this one has to poll."""


class _Stream:
    def __init__(self, session: str) -> None:
        self.session = session
        self.woken = asyncio.Event()
        self.displaced = False


class Live:
    """Notifies open pages of changes. Its methods run on the server's event loop.

    Args:
        appliance: says when there is news.
        refresh_seconds: how long until pages reload without a change.
    """

    def __init__(
        self,
        appliance: AppliancePort,
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        self._appliance = appliance
        self._refresh_seconds = refresh_seconds
        self._streams: list[_Stream] = []
        self._stopping = False

    @property
    def open(self) -> int:
        """How many pages are live."""
        return len(self._streams)

    async def run(self) -> None:
        """Pass changes on until cancelled."""
        seen = -1
        while True:
            try:
                news = (await self._appliance.ask(AwaitNews(seen), News)).number
            except Problem:
                # Open pages then say that the appliance isn't there; and later that it is.
                news = -1
                await asyncio.sleep(ASK_AGAIN_SECONDS)
            if news == seen:
                continue
            seen = news
            for stream in self._streams:
                stream.woken.set()
            await asyncio.sleep(GATHER_SECONDS)

    def stop(self) -> None:
        """End every stream; browsers reconnect by themselves."""
        self._stopping = True
        for stream in self._streams:
            stream.woken.set()

    async def events(
        self, session: str, valid: Callable[[], Awaitable[bool]]
    ) -> AsyncGenerator[bytes, None]:
        """Yield the events of one open page.

        Args:
            session: whose page it is.
            valid: whether the session is still valid.

        Raises:
            TooManyStreams: before the first event.
        """
        stream = self._admit(session)
        try:
            yield b"retry: 3000\nevent: here\ndata:\n\n"
            while (event := await self._next(stream, valid)) != "end":
                yield f"event: {event}\ndata:\n\n".encode()
                if event != "changed":
                    return
        finally:
            self._streams.remove(stream)

    async def _next(self, stream: _Stream, valid: Callable[[], Awaitable[bool]]) -> str:
        try:
            async with asyncio.timeout(self._refresh_seconds):
                await stream.woken.wait()
        except TimeoutError:
            pass
        stream.woken.clear()
        if self._stopping:
            return "end"
        if stream.displaced:
            return "displaced"
        return "changed" if await valid() else "over"

    def _admit(self, session: str) -> _Stream:
        mine = [s for s in self._streams if s.session == session and not s.displaced]
        if len(mine) >= MOST_OF_A_SESSION:
            mine[0].displaced = True
            mine[0].woken.set()
        elif len(self._streams) >= MOST_STREAMS:
            raise TooManyStreams
        stream = _Stream(session)
        self._streams.append(stream)
        return stream
