"""One process lies: what each of them reaches with its user's rights, as docs/security.md lists it.

The probe runs as the user of each service in folders with the owners and modes that the installer
sets; the trial's runs after it has given its rights up. What only a unit decides is read from it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.appliance.control_socket import LIMITS, may_control
from edge.appliance.line_server import LineServer, listen_at

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).with_name("reach_probe.py")
# Users and groups that no machine has.
APPLIANCE, SYNC, PAGE = 61_001, 61_002, 61_003
GROUP, PAGE_GROUP = 61_001, 61_003
USERS = {"appliance": (APPLIANCE, GROUP), "sync": (SYNC, GROUP), "page": (PAGE, PAGE_GROUP)}
OWNERS = {"greenlight": APPLIANCE, "greenlight-page": PAGE, "root": 0}
GROUPS = {"greenlight": GROUP, "greenlight-page": PAGE_GROUP, "root": 0}
# Changes user after all imports: other users can't read the interpreter's folder.
RUN = """
import json, os, sys
sys.path[:0] = [{root!r}, {here!r}]
import reach_probe
from edge.models.sandbox import confine
paths = json.loads(sys.argv[1])
os.setgroups([]); os.setgid({gid}); os.setuid({uid})
{confine}
print(json.dumps(reach_probe.reach(paths)))
"""
# Decided by the unit, not the user; see the last test.
BY_UNIT = {"calls the network", "sees other processes"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become other users")


def table() -> dict[str, dict[str, bool]]:
    """Return the table in docs/security.md, by process."""
    text = (ROOT / "docs/security.md").read_text()
    found = re.search(r"^\| reaches \|(.*)\|\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found, "docs/security.md has no table of what is reached"
    processes = [cell.strip() for cell in found[1].split("|")]
    said: dict[str, dict[str, bool]] = {name: {} for name in processes}
    for line in found[2].splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        for process, cell in zip(processes, cells, strict=True):
            said[process][name] = cell.startswith("yes")
    return said


@pytest.fixture(scope="module")
def device() -> Iterator[dict[str, str]]:
    """The folders of an installed appliance, with their owners and modes."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)

        def make(path: str, uid: int, gid: int, mode: int, *, folder: bool = False) -> str:
            made = top / path
            if folder:
                made.mkdir(parents=True, exist_ok=True)
            else:
                made.parent.mkdir(parents=True, exist_ok=True)
                made.write_text("x")
            os.chown(made, uid, gid)
            made.chmod(mode)
            return str(made)

        for line in (ROOT / "systemd/tmpfiles.d/greenlight.conf").read_text().splitlines():
            if line.startswith("d "):
                _, path, mode, owner, group, _ = line.split()
                (top / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
                make(path.lstrip("/"), OWNERS[owner], GROUPS[group], int(mode, 8), folder=True)
        state = "var/lib/greenlight"
        yield {
            "pin": make(f"{state}/pin", APPLIANCE, GROUP, 0o600),
            "journal": make(f"{state}/journal.db", APPLIANCE, GROUP, 0o660),
            "versions": make(f"{state}/versions", APPLIANCE, GROUP, 0o750, folder=True),
            "incoming": make(f"{state}/incoming", SYNC, GROUP, 0o2770, folder=True),
            "certificate": make("etc/greenlight/sync/device.key", SYNC, GROUP, 0o600),
            "settings": make("etc/greenlight/greenlight.toml", 0, 0, 0o644),
            "state": str(top / state),
            "keys": str(top / "etc/greenlight/public-keys"),
            "power": str(top / "run/greenlight"),
        }


@pytest.fixture(scope="module")
def sockets(device: dict[str, str]) -> Iterator[dict[str, str]]:
    """The appliance's two sockets, open to the same users as the real ones."""
    control = Path(device["pin"]).with_name("control.sock")
    page = Path(device["power"]).with_name("greenlight-page") / "appliance.sock"
    began, over = threading.Event(), threading.Event()

    async def answer(line: bytes) -> bytes:
        return b'{"ok":true,"found":{}}'

    async def serve() -> None:
        servers = []
        for path, admits, mode in (
            (control, lambda p: may_control(p.uid, p.gid, APPLIANCE, GROUP), 0o660),
            (page, lambda p: p.uid == PAGE, 0o666),
        ):
            listening = listen_at(path, mode)
            os.chown(path, APPLIANCE, GROUP)
            servers.append(LineServer("reach", answer, admits, b"no", b"busy", LIMITS))
            await servers[-1].start(listening)
        began.set()
        await asyncio.get_running_loop().run_in_executor(None, over.wait, 120)
        for server in servers:
            server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert began.wait(30)
    yield {"control": str(control), "page": str(page)}
    over.set()
    thread.join(30)


def probe(uid: int, gid: int, paths: dict[str, str], *, confined: bool = False) -> dict[str, bool]:
    script = RUN.format(
        root=str(ROOT),
        here=str(PROBE.parent),
        uid=uid,
        gid=gid,
        confine="confine()" if confined else "",
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(paths)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, bool] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("process", ["appliance", "sync", "page"])
def test_a_service_reaches_what_the_page_on_security_says(process, device, sockets):
    found = probe(*USERS[process], {**device, **sockets})
    said = table()[process]
    assert list(found) == list(said), "the table has the rows that are probed"
    assert {row: yes for row, yes in found.items() if row not in BY_UNIT} == {
        row: yes for row, yes in said.items() if row not in BY_UNIT
    }


def test_a_model_on_trial_reaches_nothing(device, sockets):
    """As the appliance's user, once its rights are given up."""
    found = probe(APPLIANCE, GROUP, {**device, **sockets}, confined=True)
    assert found == table()["trial"]
    assert not any(found.values())


def test_what_units_decide_is_what_the_page_on_security_says():
    for process, unit in (
        ("appliance", "greenlight"),
        ("sync", "greenlight-sync"),
        ("page", "greenlight-page"),
    ):
        text = (ROOT / f"systemd/{unit}.service").read_text()
        said = table()[process]
        assert said["calls the network"] == ("\nPrivateNetwork=yes\n" not in text)
        assert said["sees other processes"] == ("\nProtectProc=invisible\n" not in text)
