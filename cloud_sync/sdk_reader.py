"""Guards what AWSIoTPythonSDK reads: the end of a connection, an endless packet, and silence.

The SDK takes the end of a connection in the middle of a packet for data of no length, and reads
again for ever, at full speed, while the connection still counts as up. It also believes whatever
length a packet claims to have.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from data import limits

# A topic and its header take little beside the payload.
_MAX_PACKET_BYTES = 2 * limits.MAX_PAYLOAD_BYTES
_MAX_SILENT_KEEP_ALIVES = 3


class _GuardedSocket:
    """A TLS socket whose end is an error, as the SDK expects errors: it then drops the line."""

    def __init__(self, wrapped: Any, heard: Callable[[], None]) -> None:
        self._wrapped = wrapped
        self._heard = heard

    def read(self, size: int) -> bytes:
        """Return at least one byte.

        Raises:
            ConnectionResetError: the broker has closed, or claims a packet far too long.
        """
        if size > _MAX_PACKET_BYTES:
            raise ConnectionResetError(f"the broker sends a packet of {size} bytes")
        data: bytes = self._wrapped.read(size)
        if not data:
            raise ConnectionResetError("the broker closed the connection")
        self._heard()
        return data

    recv = read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)


def guard_reads(client: Any, keep_alive_seconds: float, silent: Callable[[str], None]) -> None:
    """Guard every connection of the SDK's MQTT client.

    Args:
        client: the client inside the SDK's.
        keep_alive_seconds: how often a broker must be heard from, at the least.
        silent: told the reason, once nothing has come for three of these.
    """
    read, look_after = client.loop_read, client.loop_misc
    heard_at = time.monotonic()

    def heard() -> None:
        nonlocal heard_at
        heard_at = time.monotonic()

    def guarded_read(*arguments: Any) -> Any:
        if client._ssl is not None and not isinstance(client._ssl, _GuardedSocket):
            client._ssl = _GuardedSocket(client._ssl, heard)
            heard()
        return read(*arguments)

    def guarded_look_after() -> Any:
        if time.monotonic() - heard_at > _MAX_SILENT_KEEP_ALIVES * keep_alive_seconds:
            silent(f"nothing came from the broker for {_MAX_SILENT_KEEP_ALIVES} keep-alives")
        return look_after()

    client.loop_read, client.loop_misc = guarded_read, guarded_look_after
