"""One virtual machine under software emulation: its power, and orders to the agent inside."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class PowerIsGone(Exception):
    """The machine ended during a request."""


class Silence(AssertionError):
    """The agent inside didn't answer in time."""


# What the guest's kernel prints when the emulator, on a busy machine, has lost its timer: nothing
# in the guest can go on then, and only its power helps.
_LOST_TIMER = "Possible timer handling issue"
_STILL_SECONDS = 180.0


class VirtualMachine:
    """A PC with the appliance's disk.

    Each time the power comes on, what is written goes to a fresh layer in a format that keeps the
    place of new blocks in memory until the guest asks for a flush: a power cut loses what the
    guest had not flushed, as a real disk's cache does.
    """

    def __init__(self, work: Path, disk: Path, kernel: Path, initrd: Path) -> None:
        self._work, self._disk, self._kernel, self._initrd = work, disk, kernel, initrd
        self._layer = work / "layer.qcow2"
        self._process: subprocess.Popen[bytes] | None = None
        self._port: socket.socket | None = None
        self._rest = b""
        self._number = 0

    def power_on(self) -> None:
        """Start it; returns at once."""
        self._keep_what_was_written()
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", self._disk,
             self._layer],
            check=True,
        )  # fmt: skip
        port = self._work / "agent.sock"
        port.unlink(missing_ok=True)
        with (self._work / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["nice", "-n", "19", "qemu-system-x86_64", "-machine", "pc", "-accel",
                 "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024", "-nic", "none",
                 "-display", "none", "-no-reboot", "-kernel", self._kernel,
                 "-initrd", self._initrd,
                 "-append", "root=/dev/vda rw console=ttyS0 quiet panic=-1 no_timer_check",
                 "-drive", f"file={self._layer},format=qcow2,if=virtio,cache=writeback",
                 "-serial", f"file:{self._work / 'console.log'}",
                 "-serial", f"unix:{port},server=on,wait=off"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._port, self._rest = None, b""
        deadline = time.monotonic() + 30
        while self._port is None:
            try:
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(str(port))
                self._port = connection
            except OSError:
                if time.monotonic() > deadline or not self.runs:
                    raise
                time.sleep(0.1)

    def _keep_what_was_written(self) -> None:
        if self._layer.exists():
            subprocess.run(["qemu-img", "check", "-q", "-r", "leaks", self._layer], check=False)
            subprocess.run(["qemu-img", "commit", "-q", self._layer], check=True)
            self._layer.unlink()

    @property
    def runs(self) -> bool:
        """Whether it is on."""
        return self._process is not None and self._process.poll() is None

    @property
    def stands_still(self) -> bool:
        """Whether the emulator has failed the guest's kernel since the power came on."""
        if _LOST_TIMER in (self._work / "console.log").read_text(errors="replace"):
            return True
        # Without a timer the kernel cannot even complain; a guest that starts writes its log.
        return time.time() - self._layer.stat().st_mtime > _STILL_SECONDS

    def cut_power(self) -> None:
        """Cut its power at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait_until_off(self, seconds: float) -> None:
        """Wait until it has switched itself off."""
        assert self._process is not None
        self._process.wait(seconds)

    def wait_for_agent(self, seconds: float) -> None:
        """Wait until the agent inside answers.

        Raises:
            Silence: nobody did.
        """
        while "hello" not in self._line(seconds):
            pass

    def order(self, order: Mapping[str, Any], seconds: float = 300.0) -> Any:
        """Give an order to the agent and return its answer.

        Raises:
            PowerIsGone: the machine ended meanwhile.
        """
        assert self._port is not None
        self._number += 1
        try:
            self._port.sendall(json.dumps({**order, "number": self._number}).encode() + b"\n")
        except OSError as error:
            raise PowerIsGone from error
        while True:
            said = self._line(seconds)
            if "failed" in said:
                raise AssertionError(said["failed"])
            if said.get("number") == self._number:
                return said["answer"]

    def shell(self, command: str) -> str:
        """Run a shell command inside; it must succeed."""
        done = self.order({"shell": command})
        assert done["code"] == 0, f"{command}: {done}"
        return str(done["said"])

    def ask(self, **request: Any) -> Any:
        """Ask the appliance by its control socket."""
        return self.order({"ask": request})

    def _line(self, seconds: float) -> dict[str, Any]:
        assert self._port is not None
        self._port.settimeout(seconds)
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            if newline:
                self._rest = rest
                if line.startswith(b"{"):
                    return json.loads(line)  # type: ignore[no-any-return]
                continue
            try:
                chunk = self._port.recv(65536)
            except TimeoutError as error:
                raise Silence(f"the agent says nothing for {seconds:g} s") from error
            except OSError as error:
                raise PowerIsGone from error
            if not chunk:
                raise PowerIsGone
            self._rest += chunk
