"""Accepts browsers' connections within bounds: of all browsers, and of one address.

A new connection is always accepted. If there are too many, another ends for it: an idle one before
one that is being answered, one without a session before one with a session, and the oldest first.
So nobody keeps others out by holding connections, with one address or with many.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.addresses import address_group
from edge.page.middleware import HeadTimeoutProtocol

MOST_CONNECTIONS = 256
MOST_OF_AN_ADDRESS = 32
# Accepted in one go, before the loop does anything else.
_BURST = 16
_HANDSHAKE_SECONDS = 10.0
_ACCEPT_AGAIN_SECONDS = 0.5
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Place:
    """One accepted connection.

    Attributes:
        protocol: that speaks HTTP on it; None until TLS has shaken hands.
        signed_in: a request on it had a session.
    """

    socket: socket.socket
    client: tuple[str, int]
    group: str
    since: float = field(default_factory=time.monotonic)
    protocol: HeadTimeoutProtocol | None = None
    opening: asyncio.Task[None] | None = None
    signed_in: bool = False

    def rank(self) -> tuple[bool, bool, float]:
        """Return what decides which of several is ended: the lowest."""
        protocol = self.protocol
        if protocol is None:
            return self.signed_in, False, self.since
        # A protocol that is being set up hasn't begun to be quiet yet.
        return self.signed_in, protocol.is_answering(), max(self.since, protocol.quiet_since)


class Connections:
    """The connections of one page. Used on the server's event loop.

    Args:
        listener: a listening TCP socket.
        make_protocol: returns the protocol of one more connection.
        tls: for HTTPS.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], HeadTimeoutProtocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._tls = tls
        self._places: dict[tuple[str, int], Place] = {}
        self._accepting = False

    @property
    def open(self) -> int:
        """How many there are."""
        return len(self._places)

    def start(self) -> None:
        """Accept connections from now on."""
        self._listener.setblocking(False)
        self._accepting = True
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def stop(self) -> None:
        """Accept no more; those that are still opening end."""
        self._accepting = False
        asyncio.get_running_loop().remove_reader(self._listener)
        for place in list(self._places.values()):
            if place.opening is not None:
                place.opening.cancel()

    def trust(self, client: tuple[str, int] | None) -> None:
        """Note that a request on this connection had a session."""
        if client is not None and (place := self._places.get((client[0], client[1]))) is not None:
            place.signed_in = True

    def _accept(self) -> None:
        for _ in range(_BURST):
            try:
                connection, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Never expected: our own connections are bounded. Pausing keeps the loop free.
                _log.warning("a connection can't be accepted: %s", error)
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._listener)
                loop.call_later(_ACCEPT_AGAIN_SECONDS, self._resume)
                return
            connection.setblocking(False)
            self._admit(connection, (address[0], address[1]))

    def _resume(self) -> None:
        if self._accepting:
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _admit(self, connection: socket.socket, client: tuple[str, int]) -> None:
        place = Place(connection, client, address_group(client[0]))
        same = [one for one in self._places.values() if one.group == place.group]
        if len(same) >= MOST_OF_AN_ADDRESS:
            self._end(min(same, key=Place.rank))
        elif len(self._places) >= MOST_CONNECTIONS:
            self._end(min(self._places.values(), key=Place.rank))
        self._places[client] = place
        place.opening = asyncio.get_running_loop().create_task(self._open(place))

    async def _open(self, place: Place) -> None:
        def protocol() -> HeadTimeoutProtocol:
            place.protocol = made = self._make_protocol()
            made.on_lost = lambda: self._free(place)
            return made

        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                protocol,
                place.socket,
                ssl=self._tls,
                ssl_handshake_timeout=None if self._tls is None else _HANDSHAKE_SECONDS,
            )
        except (OSError, asyncio.CancelledError):
            self._free(place)
            place.socket.close()
        finally:
            place.opening = None

    def _end(self, place: Place) -> None:
        self._free(place)
        if place.opening is not None:
            place.opening.cancel()
        elif place.protocol is not None:
            place.protocol.transport.abort()

    def _free(self, place: Place) -> None:
        if self._places.get(place.client) is place:
            del self._places[place.client]
