"""Who may control the appliance, and what a command that can't reach it reports."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.appliance import client
from edge.appliance.client import NoAnswer, NotAllowed, NotRunning, short_path
from edge.appliance.control_socket import may_control

OURS, GROUP, OTHER = 900, 901, 4000
ASK = """
import os, sys
from pathlib import Path
from edge.appliance import client
state, uid, gid = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
os.setgroups([]); os.setgid(gid); os.setuid(uid)
try:
    print(client.ask(state, "status"))
except client.NotAllowed as error:
    print("not allowed:", error)
"""


def test_root_ourselves_and_our_group_may():
    assert may_control(0, 0, OURS, GROUP)
    assert may_control(OURS, 100, OURS, GROUP)
    assert may_control(OTHER, GROUP, OURS, GROUP)


def test_others_may_not():
    assert not may_control(OTHER, OTHER, OURS, GROUP)


def test_a_member_of_our_group_by_the_group_file_may(monkeypatch):
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name="owner"))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_mem=["owner"]))
    assert may_control(OTHER, OTHER, OURS, GROUP)


def test_an_appliance_that_never_ran_differs_from_one_that_died(tmp_path: Path):
    with pytest.raises(NotRunning, match="greenlight run"):
        client.ask(tmp_path, "status")
    with pytest.raises(NotRunning):
        client.ask(tmp_path / "nowhere", "status")


def test_one_that_is_stopped_while_a_caller_listens_says_nothing_of_it(bench):
    running = bench.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        with short_path(bench.state / "control.sock") as path:
            caller.connect(path)
        caller.sendall(b'{"command": "status"}\n')
        assert caller.recv(100_000)
        assert running.stop() == 0
    assert running.errors == ""
    assert "shutting down" in running.lines


def test_an_appliance_that_dies_while_asked_gives_no_answer(bench):
    running = bench.start()
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "hold", "30", "--state", str(bench.state)],
        stderr=subprocess.PIPE,
        text=True,
    )
    running.wait_for("led: held")
    running.stop(9)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "stopped before it answered" in errors or "does not answer" in errors
    with pytest.raises((NoAnswer, NotRunning)):
        bench.ask("status")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_another_user_is_kept_out_by_the_folder_and_by_credentials(bench):
    # Not pytest's own folder: that is closed to other users from above.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        text = bench.config.read_text().replace('state = "state"', f'state = "{state}"')
        bench.config.write_text(text)
        bench.start()

        def asked_by(uid: int, gid: int) -> str:
            command = [sys.executable, "-c", ASK, str(state), str(uid), str(gid)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert asked_by(4000, 4000).startswith("not allowed")
        # Even if folder and socket are open to everyone, as after a careless chmod.
        state.chmod(0o777)
        (state / "control.sock").chmod(0o666)
        assert asked_by(4000, 4000).startswith("not allowed: this user may not control")
        assert "'ok': True" in asked_by(4000, os.getegid())
        bench.started[0].stop()


def test_not_allowed_names_the_fix(tmp_path: Path, monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr("socket.socket.connect", refused, raising=False)
    with pytest.raises(NotAllowed, match=r"may not use .*; join the group"):
        client.ask(tmp_path, "status")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_commands_of_root_before_the_first_start_leave_everything_to_the_appliance(bench):
    """`sudo greenlight status` on a fresh card must not lock the appliance's own user out."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        state.mkdir()
        os.chown(state, 4000, 4000)
        state.chmod(0o2770)
        text = bench.config.read_text().replace('state = "state"', f'state = "{state}"')
        bench.config.write_text(text)
        for command in ("status", "history", "pin"):
            assert bench.command(command).returncode == 0
        assert {path.name for path in state.iterdir()} == {"pin"}
        own = os.O_RDWR
        script = (
            "import os, sys; os.setgroups([]); os.setgid(4000); os.setuid(4000)\n"
            f"for name in os.listdir({str(state)!r}):\n"
            f"    path = os.path.join({str(state)!r}, name)\n"
            f"    os.path.isdir(path) or os.close(os.open(path, {own}))\n"
            f"    not os.path.isdir(path) or os.access(path, os.W_OK) or sys.exit(path)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
