"""Another machine on the local network of a container: looks names up, and opens the page.

It is a separate network namespace with a cable to the container, so nothing is changed here.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# The appliance's address there; the other machine has the one below it.
ADDRESS, IPV6_ADDRESS = "192.168.77.2", "fd77::2"
_OTHER, _IPV6_OTHER = "192.168.77.1", "fd77::1"

_LOOK_UP = f"""
import socket, struct, sys
question = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[1].split("."))
message = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + question + struct.pack(">xHH", 1, 1)
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.bind(("{_OTHER}", 0))
asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("{_OTHER}"))
asking.settimeout(1)
for _ in range(60):
    asking.sendto(message, ("224.0.0.251", 5353))
    try:
        reply = asking.recv(9000)
    except TimeoutError:
        continue
    print(socket.inet_ntoa(reply[-4:]))
    break
"""
_OPEN = """
import http.client, sys
asking = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
try:
    asking.request("GET", "/", headers={"Host": f"{sys.argv[3]}:{sys.argv[2]}"})
    print(asking.getresponse().status)
except OSError as error:
    print(type(error).__name__)
"""


class OtherMachine:
    """Asks from outside. Made by `cabled_to`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def look_up(self, name: str) -> str:
        """Look up a name's address by multicast DNS; empty if it isn't found."""
        return self._python(_LOOK_UP, name)

    def open(self, port: int, name: str, address: str = ADDRESS) -> str:
        """Ask the appliance for its page under a name; return the status, or what went wrong."""
        return self._python(_OPEN, address, str(port), name)

    def _python(self, program: str, *words: str) -> str:
        command = ["nsenter", f"--target={self._pid}", "--net", sys.executable, "-c", program]
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()


@contextlib.contextmanager
def cabled_to(leader: int) -> Iterator[OtherMachine]:
    """Give a container, known by its first process, a network with one other machine in it."""
    with subprocess.Popen(["unshare", "--net", "sleep", "600"]) as other:
        try:
            # unshare doesn't report when its network is ready; it takes a moment.
            while _network(other.pid) == _network("self"):
                pass
            _ip("link", "add", "lan0", "netns", other.pid, "type", "veth",
                "peer", "name", "lan0", "netns", leader)  # fmt: skip
            for pid, address, ipv6 in (
                (other.pid, _OTHER, _IPV6_OTHER),
                (leader, ADDRESS, IPV6_ADDRESS),
            ):
                _ip("address", "add", f"{address}/24", "brd", "+", "dev", "lan0", inside=pid)
                # Without asking around first whether somebody has it already.
                _ip("address", "add", f"{ipv6}/64", "dev", "lan0", "nodad", inside=pid)
                _ip("link", "set", "lan0", "up", inside=pid)
            yield OtherMachine(other.pid)
        finally:
            other.kill()


def _network(pid: int | str) -> Path:
    return Path(f"/proc/{pid}/ns/net").readlink()


def _ip(*words: str | int, inside: int | None = None) -> None:
    where = [] if inside is None else ["nsenter", f"--target={inside}", "--net"]
    subprocess.run([*where, "ip", *map(str, words)], check=True)
