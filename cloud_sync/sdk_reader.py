"""Guards AWSIoTPythonSDK's reads against a closed connection, an endless packet, and silence.

When a connection ends in the middle of a packet, the SDK keeps reading zero bytes at full speed,
forever, and still reports the connection as up. It also believes whatever length a packet claims.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from data import limits

# A topic and its header add little to the payload.
_MAX_PACKET_BYTES = 2 * limits.MAX_PAYLOAD_BYTES
_MAX_SILENT_KEEP_ALIVES = 3


class _GuardedSocket:
    """A TLS socket that raises when it is closed, so that the SDK drops the connection."""

    def __init__(self, wrapped: Any, heard: Callable[[], None]) -> None:
        self._wrapped = wrapped
        self._heard = heard

    def read(self, size: int) -> bytes:
        """Return at least one byte.

        Raises:
            ConnectionResetError: the broker closed the connection, or claims far too long a packet.
        """
        if size > _MAX_PACKET_BYTES:
            raise ConnectionResetError(f"the broker announced a packet of {size} bytes")
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
        keep_alive_seconds: how often the broker must send something, at least.
        silent: called with the reason once it has sent nothing for three times that long.
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
            silent(f"the broker sent nothing for {_MAX_SILENT_KEEP_ALIVES} keep-alives")
        return look_after()

    client.loop_read, client.loop_misc = guarded_read, guarded_look_after
