"""Shared by the campaigns that install the appliance: a release, and ways to break it."""

from __future__ import annotations

import os
import shutil
import subprocess
import zlib
from pathlib import Path

from .container import PACKAGES, Container

TOP = Path(__file__).parents[2]
WORK = TOP / "build/boot-test"
RELEASE = WORK / "release"
# Debian 12 has Python 3.11, Debian 13 has 3.13, as Raspberry Pi OS has.
SUITE = os.environ.get("GREENLIGHT_SUITE", "bookworm")
WHEELS = {"bookworm": "amd64-3.11", "trixie": "amd64-3.13"}[SUITE]
# A different list of packages needs a different archive.
ROOT_TAR = WORK / f"{SUITE}-{zlib.crc32(PACKAGES.encode()):08x}.tar"

# Newer software that migrates the journal and then fails.
NEWER = """import sqlite3
sqlite3.connect("/var/lib/greenlight/journal.db").execute("PRAGMA user_version = 99")
raise SystemExit(1)
"""


def pack(out: Path) -> Path:
    """Pack a release of this checkout, with its wheels: the container has no network."""
    subprocess.run([TOP / "systemd/pack.sh", out], env={**os.environ, "WHEELS": WHEELS}, check=True)
    return out


def variant(machine: Container, name: str, change: str) -> str:
    """Copy the release inside the machine, changed by a shell command; return its installer."""
    machine.run(f"rm -rf /root/{name} && cp -R /root/release /root/{name}")
    machine.run(f"cd /root/{name} && {change}")
    return f"/root/{name}/systemd/install.sh"


def provision(folder: Path) -> Path:
    """Write what provisioning writes, with certificates made here."""
    out = folder / "provisioned"
    (out / "public-keys").mkdir(parents=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=MovieSelector", "-keyout", out / "private.pem.key",
         "-out", out / "certificate.pem.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    shutil.copy(out / "certificate.pem.crt", out / "root-ca.pem")
    for key in (RELEASE / "public-keys").iterdir():
        shutil.copy(key, out / "public-keys")
    (out / "sync.toml").write_text(
        'thing = "MovieSelector"\nregion = "us-east-1"\nmqtt_host = "localhost"\nmqtt_port = 8883\n'
        'root_ca = "root-ca.pem"\ncertificate = "certificate.pem.crt"\n'
        'private_key = "private.pem.key"\ncredentials_url = "https://localhost:8443"\n'
        'role_alias = "greenlight-models"\nmodels_bucket = "models"\npublic_keys = "public-keys"\n'
    )
    return out


def shorten_watchdog(machine: Container, unit: str, more: str = "") -> None:
    """The same watchdog with a shorter limit."""
    folder = machine.folder
    machine.run(f"mkdir -p /run/systemd/system/{unit}.d")
    text = f"[Service]\\nWatchdogSec=6\\nTimeoutAbortSec=2\\n{more}\\n"
    machine.run(f"printf '{text}' > /run/systemd/system/{unit}.d/hurry.conf")
    assert folder.exists()
    machine.run(f"systemctl daemon-reload && systemctl restart {unit}")


def came_back(machine: Container, pid: str) -> None:
    """Wait for another process than `pid` that is ready, restarted because of the watchdog."""
    machine.wait_until(
        "it is restarted and ready",
        f"test $(systemctl show --property MainPID --value greenlight.service) != {pid}"
        " && systemctl is-active greenlight.service && greenlight status --json",
    )
    log = machine.run("journalctl --no-pager -n 200 _PID=1")
    assert "Watchdog timeout" in log or "watchdog" in log.lower()
