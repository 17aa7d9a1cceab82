"""The command as its user sees it: exit codes, and errors that name the fix."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from rig.command import sync

from cloud_sync import update
from data.exits import Exit
from edge.journal import JOURNAL, Journal


def test_a_configuration_that_is_wrong_ends_with_its_own_exit_code(config: Path) -> None:
    config.write_text(config.read_text() + "poll_second = 1\n")
    done = sync("run", "--config", str(config))
    assert done.returncode == Exit.CONFIGURATION == 78
    assert "poll_second: isn't a setting; did you mean poll_seconds?" in done.stderr


def test_a_missing_certificate_is_a_configuration_error(config: Path) -> None:
    (config.parent / "crt").unlink()
    done = sync("run", "--config", str(config))
    assert done.returncode == Exit.CONFIGURATION
    assert "certificate: " in done.stderr
    assert "is missing" in done.stderr


def test_a_cloud_that_cannot_be_reached_in_time_ends_with_its_own_exit_code(config: Path) -> None:
    done = sync("once", "--config", str(config), "--timeout", "1")
    assert done.returncode == Exit.NOT_RUNNING == 69, done.stderr
    assert "not connected" in done.stderr
    assert "Traceback" not in done.stderr
    with Journal.open(config.parent / "state" / JOURNAL) as journal:
        assert journal.sync_state()["connection"]["state"] == "stopped"


def test_a_journal_that_is_damaged_ends_with_its_own_exit_code(config: Path) -> None:
    state = config.parent / "state"
    state.mkdir()
    (state / JOURNAL).write_bytes(b"no database at all" * 1_000)
    done = sync("run", "--config", str(config))
    assert done.returncode == Exit.NO_STATE == 74
    assert (state / JOURNAL).read_bytes().startswith(b"no database")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_systemd_hears_that_it_is_ready_alive_and_stopping(config: Path, number: int) -> None:
    address = config.parent / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(30)
        from_systemd = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "200000"}
        service = subprocess.Popen(
            [sys.executable, "-m", "cloud_sync", "run", "--config", str(config)],
            env={**os.environ, **from_systemd},
        )
        try:
            notes = [systemd.recv(100) for _ in range(4)]
            service.send_signal(number)
            while notes[-1] != b"STOPPING=1":
                notes.append(systemd.recv(100))
            assert service.wait(30) == 0, "a closed terminal is a clean stop"
        finally:
            service.kill()
            service.wait()
    assert notes[0] == b"READY=1"
    assert set(notes[1:-1]) == {b"WATCHDOG=1"}


def test_the_service_needs_neither_gpio_nor_onnxruntime() -> None:
    code = (
        "import sys, cloud_sync.cli, cloud_sync.assembly, cloud_sync.doctor;"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('gpiozero', 'onnxruntime', 'numpy', 'sklearn', 'pandas', 'starlette')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_module_per_vendor_library_and_only_the_journal_of_edge() -> None:
    package = Path(update.__file__).parent
    users: dict[str, set[str]] = {"boto3": set(), "AWSIoTPythonSDK": set(), "edge": set()}
    for path in package.glob("*.py"):
        for name in re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(), re.MULTILINE):
            if name.split(".")[0] in users:
                users[name.split(".")[0]].add(path.name if name[:4] != "edge" else name)
    assert users["boto3"] == {"artefacts.py"}
    assert users["AWSIoTPythonSDK"] == {"sdk_connection.py"}
    assert users["edge"] == {"edge.journal", "edge.incoming"}


@pytest.mark.parametrize("command", ["status", "retry"])
def test_with_json_a_failure_is_json_too(config: Path, command: str) -> None:
    done = sync(command, "--json", "--config", str(config))
    assert done.returncode == Exit.NO_STATE
    said = json.loads(done.stdout)
    assert (said["ok"], said["exit_code"]) == (False, Exit.NO_STATE)
    assert "start the appliance once" in said["error"]
