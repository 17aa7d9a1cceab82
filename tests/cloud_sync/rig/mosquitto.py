"""A real mosquitto with mutual TLS and per-thing access rules, which a test may kill or freeze."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

from rig.pki import Authority

_ACL = """\
user cloud
topic readwrite #
topic readwrite $aws/#

pattern write filmupdate/%u
pattern read filmupdate/%u/ack
pattern write filmrequest/%u
pattern read filmrequest/%u/reply
pattern readwrite $aws/things/%u/#
"""


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """One broker process on loopback."""

    def __init__(self, program: str, folder: Path, authority: Authority) -> None:
        self._program = program
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = authority
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        certificate, key = authority.server()
        (folder / "acl").write_text(_ACL)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\n"
            f"cafile {authority.path}\ncertfile {certificate}\nkeyfile {key}\n"
            "require_certificate true\nuse_identity_as_username true\nallow_anonymous false\n"
            f"acl_file {folder / 'acl'}\nuser root\nlog_dest none\n"
            "max_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n"
        )

    def start(self) -> None:
        """Start, and return when it accepts connections."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.01)
        raise RuntimeError("mosquitto does not start")

    def kill(self) -> None:
        """Kill -9: no clean disconnect."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop properly."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: sockets stay open, but nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(10)
        self._process = None
