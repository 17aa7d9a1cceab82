"""A broker over raw TLS that accepts a device, and then misbehaves."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from rig.pki import Authority

_CONNECT, _SUBSCRIBE = 1, 8
_CONNACK = b"\x20\x02\x00\x00"


class HostileBroker:
    """Accepts one connection; what follows the subscriptions is `misbehave`'s."""

    def __init__(
        self, authority: Authority, misbehave: Callable[[ssl.SSLSocket, threading.Event], None]
    ) -> None:
        self._misbehave = misbehave
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*authority.server("hostile"))
        self._listener = socket.create_server(("localhost", 0))
        self.port: int = self._listener.getsockname()[1]
        self.began = threading.Event()
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self.over.set()
        self._listener.close()
        self._thread.join(5.0)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            raw, _ = self._listener.accept()
            self._listener.close()
            with self._context.wrap_socket(raw, server_side=True) as line:
                for kind, body in _packets(line):
                    if kind == _CONNECT:
                        line.sendall(_CONNACK)
                    elif kind == _SUBSCRIBE:
                        line.sendall(b"\x90\x03" + body[:2] + b"\x01")
                    else:
                        # A device that is let in and subscribed publishes first of all.
                        break
                self.began.set()
                self._misbehave(line, self.over)


def _packets(line: ssl.SSLSocket) -> Iterator[tuple[int, bytes]]:
    while True:
        kind = line.recv(1)
        if not kind:
            return
        length, shift = 0, 0
        while True:
            byte = line.recv(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        body = b""
        while len(body) < length:
            body += line.recv(length - len(body))
        yield kind[0] >> 4, body
