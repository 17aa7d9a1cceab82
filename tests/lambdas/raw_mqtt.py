"""MQTT 3.1.1 byte by byte: unlike an SDK it shows at once whether the broker hangs up."""

from __future__ import annotations

import socket
import ssl
from typing import Literal

Answer = Literal["taken", "refused", "hung up", "silence"]

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
TIMEOUT_SECONDS = 30.0


def tls(root: str, certificate: str | None = None, key: str | None = None) -> ssl.SSLContext:
    """Return how a device speaks TLS; without a certificate if none is named."""
    context = ssl.create_default_context(cafile=root)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


class RawMqtt:
    """One connection; a context manager."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection(("localhost", port), TIMEOUT_SECONDS)
        try:
            self._line = context.wrap_socket(plain, server_hostname="localhost")
        except BaseException:
            plain.close()
            raise

    def __enter__(self) -> RawMqtt:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def connect(self, client_id: str) -> Answer:
        body = b"\x00\x04MQTT\x04\x02\x00\x3c" + _text(client_id)
        kind, answer = self._ask(0x10, body, CONNACK)
        return _answer(kind, answer[1:] == b"\x00")

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> Answer:
        body = _text(topic) + b"\x00\x01" + payload
        kind, _ = self._ask(0x33 if retain else 0x32, body, PUBACK)
        return _answer(kind, True)

    def subscribe(self, topic_filter: str) -> Answer:
        kind, answer = self._ask(0x82, b"\x00\x02" + _text(topic_filter) + b"\x01", SUBACK)
        return _answer(kind, answer[-1:] in (b"\x00", b"\x01"))

    def message(self, seconds: float) -> tuple[str, bytes] | None:
        """Return the next message as topic and payload, or None if none comes."""
        self._line.settimeout(seconds)
        try:
            while True:
                kind, body = self._packet()
                if kind == PUBLISH:
                    length = int.from_bytes(body[:2], "big")
                    return body[2 : 2 + length].decode(), body[2 + length + 2 :]
                if not kind:
                    return None
        except OSError:
            return None

    def _ask(self, head: int, body: bytes, expected: int) -> tuple[int | None, bytes]:
        """Send a packet; return the expected answer, or kind 0 for a hang-up, None for silence."""
        self._line.settimeout(TIMEOUT_SECONDS)
        try:
            self._line.sendall(bytes([head]) + _length(len(body)) + body)
            while True:
                kind, answer = self._packet()
                if kind in (expected, 0):
                    return kind, answer
        except TimeoutError:
            return None, b""
        except OSError:
            return 0, b""

    def _packet(self) -> tuple[int, bytes]:
        head = self._line.recv(1)
        if not head:
            return 0, b""
        length, shift = 0, 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return head[0] >> 4, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            chunk = self._line.recv(count - len(found))
            if not chunk:
                raise ConnectionResetError
            found += chunk
        return found


def try_to_connect(port: int, context: ssl.SSLContext, client_id: str) -> Answer:
    """Return how a connection ends; a refused TLS handshake is a hang-up."""
    try:
        with RawMqtt(port, context) as line:
            return line.connect(client_id)
    except OSError:
        return "hung up"


def _answer(kind: int | None, is_good: bool) -> Answer:
    if kind is None:
        return "silence"
    if not kind:
        return "hung up"
    return "taken" if is_good else "refused"


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _length(length: int) -> bytes:
    found = b""
    while True:
        length, byte = length >> 7, length & 0x7F
        found += bytes([byte | (0x80 if length else 0)])
        if not length:
            return found
