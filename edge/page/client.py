"""The page's way to the appliance: one JSON line there, one back, over a Unix socket.

A few connections serve everyone; if all are taken, requests wait, within limits. A connection is
closed whenever an exchange on it fails, so that answers never get mixed up.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from data import wire
from edge.page.port import (
    MOST_ANSWER_BYTES,
    MOST_REQUEST_BYTES,
    NEWS_SECONDS,
    AwaitNews,
    Found,
    PageAnswer,
    PageRequest,
    PageVerb,
    Problem,
    SignedOut,
    SignIn,
)

# Not of the one that waits for news. Checking a PIN takes long, and guessers must not keep others
# from their pages; the appliance lets fewer than this wait, and refuses the rest.
MOST_CONNECTIONS, MOST_SIGN_INS = 4, 10
MOST_WAITING = 64
TIMEOUT_SECONDS = 15.0

_NOT_RUNNING = "the appliance isn't running, or is still starting; try again in a moment"
_SLOW = "this is taking long; look again in a moment to see the result"
_BUSY = "the appliance is busy; try again in a moment"


class _Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class ApplianceClient:
    """The appliance as an `edge.page.port.AppliancePort`. Used on one event loop.

    Args:
        path: of the socket on which the appliance answers the page.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[_Connection] = []
        self._places = asyncio.Semaphore(MOST_CONNECTIONS)
        self._sign_ins = asyncio.Semaphore(MOST_SIGN_INS)
        self._waiting = 0

    async def ask(self, verb: PageVerb, found: type[Found], cookie: str = "") -> Found:
        """Return the record that a verb names. See `AppliancePort.ask`."""
        try:
            line = msgspec.json.encode(PageRequest(verb, cookie)) + b"\n"
        except UnicodeEncodeError as error:
            raise Problem("invalid", "the text has characters that aren't text") from error
        if len(line) > MOST_REQUEST_BYTES:
            raise Problem("invalid", "that is too long")
        answer = await self._answer(line, verb)
        if answer.problem == "signed out":
            raise SignedOut(answer.message)
        if answer.problem is not None:
            raise Problem(answer.problem, answer.message)
        try:
            return msgspec.json.decode(answer.found, type=found)
        except msgspec.DecodeError as error:
            why = wire.refusal(error, "the appliance's answer")
            raise Problem("failed", str(why)) from error

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop().writer.close()

    async def _answer(self, line: bytes, verb: PageVerb) -> PageAnswer:
        news = isinstance(verb, AwaitNews)
        places = self._sign_ins if isinstance(verb, SignIn) else self._places
        if self._waiting >= MOST_WAITING:
            raise Problem("busy", _BUSY)
        self._waiting += 1
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS + (NEWS_SECONDS if news else 0.0)):
                async with contextlib.nullcontext() if news else places:
                    return await self._exchange(line)
        except TimeoutError as error:
            raise Problem("busy", _SLOW) from error
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            raise Problem("unreachable", _NOT_RUNNING) from error
        finally:
            self._waiting -= 1

    async def _exchange(self, line: bytes) -> PageAnswer:
        connection = await self._connect()
        try:
            connection.writer.write(line)
            await connection.writer.drain()
            reply = await connection.reader.readuntil(b"\n")
            answer = msgspec.json.decode(reply, type=PageAnswer)
        except BaseException:
            connection.writer.close()
            raise
        self._idle.append(connection)
        return answer

    async def _connect(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            # The appliance may have gone, and come back, since it was last used.
            if not connection.reader.at_eof():
                return connection
            connection.writer.close()
        opened = await asyncio.open_unix_connection(self._path, limit=MOST_ANSWER_BYTES)
        return _Connection(*opened)
