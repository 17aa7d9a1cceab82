"""Live pages: a server-sent event says that something changed, and the page reloads its content.

Changes are gathered for a moment, so a burst costs each page one reload. A browser opens few
connections to one host, so a session gets few streams: the newest win, the others poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

GATHER_SECONDS = 0.4
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
        subscribe: the appliance's.
        refresh_seconds: how long until pages reload without a change.
    """

    def __init__(
        self,
        subscribe: Callable[[Callable[[], None]], Callable[[], None]],
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        self._subscribe = subscribe
        self._refresh_seconds = refresh_seconds
        self._streams: list[_Stream] = []
        self._changed = asyncio.Event()
        self._stopping = False
        self._notified = False

    @property
    def open(self) -> int:
        """How many pages are live."""
        return len(self._streams)

    async def run(self) -> None:
        """Pass changes on until cancelled."""
        loop = asyncio.get_running_loop()

        def changed() -> None:
            # From any thread, perhaps often: one call to the loop until it has been handled.
            if not self._notified:
                self._notified = True
                loop.call_soon_threadsafe(self._changed.set)

        unsubscribe = self._subscribe(changed)
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                self._notified = False
                for stream in self._streams:
                    stream.woken.set()
                await asyncio.sleep(GATHER_SECONDS)
        finally:
            unsubscribe()

    def stop(self) -> None:
        """End every stream; browsers reconnect by themselves."""
        self._stopping = True
        for stream in self._streams:
            stream.woken.set()

    async def events(self, session: str, valid: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
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

    async def _next(self, stream: _Stream, valid: Callable[[], bool]) -> str:
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
        return "changed" if valid() else "over"

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
