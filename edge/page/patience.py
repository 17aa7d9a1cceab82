"""Connections that ask nothing: closed after a while, so that slow clients cannot use them up."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which by itself waits for ever for the rest of a request's head."""

    head_seconds = HEAD_SECONDS
    _waiting: asyncio.TimerHandle | None = None

    # asyncio hands a server a Transport; its base class promises less, and uvicorn says so too.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more, so that nothing holds what is over."""
        super().connection_lost(exc)
        if self._waiting is not None:
            self._waiting.cancel()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        # Taken before: the next request may have come already, and begins within this call.
        answered = self.cycle
        super().on_response_complete()
        self._await_head(answered)

    def _await_head(self, answered: Any = None) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self.loop.call_later(self.head_seconds, self._check_head, answered)

    def _check_head(self, answered: Any) -> None:
        # Another cycle by now means that a request has come.
        if self.cycle is answered and not self.transport.is_closing():
            self.transport.abort()
