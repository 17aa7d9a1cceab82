"""A Debian container under systemd-nspawn, without a network, to install the appliance in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

# What Raspberry Pi OS Lite has, as far as the installer cares.
PACKAGES = "systemd,systemd-sysv,dbus,udev,libpam-systemd,python3,python3-venv,avahi-daemon,openssl"
# Long enough for a busy machine; it costs nothing when all is well.
_TIMEOUT_SECONDS = 600.0


def namespaces_refused() -> str | None:
    """Return why this kernel gives us no namespaces, or None."""
    command = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--mount-proc"]
    done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return f"the kernel allows no containers here: {done.stderr.strip()}"


def make_root(tar: Path, suite: str = "bookworm", more: str = "") -> None:
    """Download a minimal Debian into an archive, once; `more` names additional packages."""
    if tar.exists():
        return
    tar.parent.mkdir(parents=True, exist_ok=True)
    partial = tar.with_suffix(".partial.tar")
    subprocess.run(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={PACKAGES},{more}".rstrip(","),
            suite,
            partial,
        ],
        check=True,
    )
    partial.rename(tar)


class Container:
    """One machine: a folder, and while it runs the processes in it.

    Attributes:
        leader: its first process, as seen from outside.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._name = name
        self._log = folder.with_suffix(".console.log")
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.leader = 0

    def unpack(self, tar: Path) -> None:
        """Start again from an archive."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        subprocess.run(["tar", "-C", self.folder, "-xf", tar], check=True)
        (self.folder / "etc/machine-id").write_text("")
        # Its log can be read after a failure: journalctl --root FOLDER
        (self.folder / "var/log/journal").mkdir(exist_ok=True)

    def refused(self) -> str | None:
        """Return why systemd-nspawn can't run even `true` in it, or None."""
        done = subprocess.run(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network",
             "--console=pipe", f"--directory={self.folder}", "/bin/true"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return None
        return f"systemd-nspawn may not run here: {done.stderr.strip()}"

    def boot(self) -> None:
        """Boot it and wait until everything that starts at boot has started."""
        with self._log.open("ab") as log:
            self._nspawn = subprocess.Popen(
                [
                    "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit",
                    "--private-network", "--console=pipe", "--kill-signal=SIGRTMIN+3",
                    f"--directory={self.folder}", f"--machine={self._name}",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while not self._has_booted():
            if self._nspawn.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"it doesn't boot: {self._log.read_text()[-2000:]}")
            time.sleep(0.2)

    def _has_booted(self) -> bool:
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        pids = children.read_text().split() if children.exists() else []
        if not pids:
            return False
        self.leader = int(pids[0])
        if Path(f"/proc/{self.leader}/comm").read_text().strip() != "systemd":
            return False
        state = self.try_run("systemctl is-system-running").stdout.strip()
        return state in ("running", "degraded")

    @property
    def runs(self) -> bool:
        """Whether it is still on."""
        return self._nspawn is not None and self._nspawn.poll() is None

    def wait_until_off(self) -> None:
        """Wait until it has switched itself off."""
        assert self._nspawn is not None
        self._nspawn.wait(_TIMEOUT_SECONDS)

    def power_off(self) -> None:
        """Switch it off cleanly."""
        if self.runs and self._nspawn is not None:
            os.kill(self._nspawn.pid, signal.SIGTERM)
            try:
                self._nspawn.wait(30)
            except subprocess.TimeoutExpired:
                self.cut_power()

    def cut_power(self) -> None:
        """Kill every process in it at once."""
        if self.runs and self._nspawn is not None:
            os.kill(self.leader, signal.SIGKILL)
            self._nspawn.wait(30)

    def try_run(self, command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a shell command in it as root; whatever its exit code."""
        return subprocess.run(
            ["nsenter", f"--target={self.leader}", "--all", "env", "-i",
             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             "LANG=C.UTF-8", "GREENLIGHT_SETTLE_SECONDS=6",
             "sh", "-c", command],
            input=stdin, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False,
        )  # fmt: skip

    def run(self, command: str) -> str:
        """Run a shell command in it as root and return what it printed."""
        done = self.try_run(command)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def asked(self, command: str) -> Any:
        """Run a `greenlight` command in it and return its JSON."""
        return json.loads(self.run(f"greenlight {command} --json"))

    def property(self, unit: str, name: str) -> str:
        """Return a property of a systemd unit."""
        return self.run(f"systemctl show --property {name} --value {unit}").strip()

    def wait_until(self, what: str, command: str) -> None:
        """Wait until a shell command in it succeeds."""
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while (done := self.try_run(command)).returncode != 0:
            if time.monotonic() > deadline:
                log = self.try_run("journalctl --no-pager -n 40").stdout
                raise AssertionError(
                    f"{what}: not within {_TIMEOUT_SECONDS:g} s\n{done.stdout}\n{log}"
                )
            time.sleep(0.3)

    def files(self) -> set[str]:
        """Return every path in it that an installation could have left."""
        passing = (
            "/proc /sys /dev /run /tmp /root /var/tmp /var/log /var/cache "
            "/var/lib/systemd /var/lib/apt"
        )
        pruned = " -o ".join(f"-path {folder}" for folder in passing.split())
        return set(self.run(f"find / -xdev \\( {pruned} \\) -prune -o -print").splitlines())
