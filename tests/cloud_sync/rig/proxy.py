"""A TCP proxy on loopback that can refuse, swallow, slow down or reset what passes."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time

_CHUNK_BYTES = 16 * 1024


class Proxy:
    """Forwards one port to another, well or badly as configured, in its own thread."""

    def __init__(self, target_port: int, port: int) -> None:
        self.port = port
        self._target = ("127.0.0.1", target_port)
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._pairs: dict[socket.socket, socket.socket] = {}
        self.forwarded_bytes = 0
        self._blackhole = False
        self._bytes_per_second: float | None = None
        self._stop = threading.Event()
        self.listen()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def listen(self) -> None:
        """Accept connections (again)."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        listener.setblocking(False)
        with self._lock:
            self._listener = listener

    def refuse(self) -> None:
        """Reset all connections and refuse new ones."""
        with self._lock:
            if self._listener is not None:
                self._listener.close()
                self._listener = None
        self.reset()

    def reset(self) -> None:
        """Reset live connections; new ones are accepted."""
        with self._lock:
            pairs, self._pairs = self._pairs, {}
        for one in pairs:
            with contextlib.suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                one.close()

    def blackhole(self, on: bool) -> None:
        """Swallow everything in both directions; connections stay open."""
        self._blackhole = on

    def throttle(self, bytes_per_second: float | None) -> None:
        """Let pass no more than this."""
        self._bytes_per_second = bytes_per_second

    def close(self) -> None:
        """Stop the proxy."""
        self._stop.set()
        self._thread.join(5)
        self.refuse()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                watched = [*self._pairs, *([self._listener] if self._listener else [])]
            if not watched:
                time.sleep(0.005)
                continue
            with selectors.DefaultSelector() as selector:
                for one in watched:
                    with contextlib.suppress(ValueError, OSError):
                        selector.register(one, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in selector.select(0.01)]
            for one in ready:
                with contextlib.suppress(OSError):
                    self._serve(one)  # type: ignore[arg-type]

    def _serve(self, ready: socket.socket) -> None:
        if ready is self._listener:
            made, _ = ready.accept()
            try:
                onward = socket.create_connection(self._target, 1)
            except OSError:
                made.close()
                return
            for one in (made, onward):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                one.settimeout(1)
            with self._lock:
                self._pairs |= {made: onward, onward: made}
            return
        if self._blackhole:
            # Nothing is read: the sender's buffers fill, as on a dead line.
            time.sleep(0.01)
            return
        self._forward(ready)

    def _forward(self, source: socket.socket) -> None:
        sink = self._pairs.get(source)
        try:
            data = source.recv(_CHUNK_BYTES)
        except OSError:
            data = b""
        if sink is None or not data:
            self._end(source)
            return
        if self._bytes_per_second is not None:
            time.sleep(min(1.0, len(data) / self._bytes_per_second))
        self.forwarded_bytes += len(data)
        try:
            sink.sendall(data)
        except OSError:
            self._end(source)

    def _end(self, one: socket.socket) -> None:
        with self._lock:
            other = self._pairs.pop(one, None)
            if other is not None:
                self._pairs.pop(other, None)
        for each in (one, other):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.close()
