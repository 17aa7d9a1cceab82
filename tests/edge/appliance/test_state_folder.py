"""One appliance per state folder; a command that reads it keeps none from starting."""

from __future__ import annotations

import threading

import pytest

from data.exits import Exit
from edge.appliance.state_folder import AlreadyRunning, locked
from edge.journal import JOURNAL, Journal


def test_a_second_appliance_is_turned_away(tmp_path):
    with locked(tmp_path), pytest.raises(AlreadyRunning, match="stop it first"), locked(tmp_path):
        pass


def test_a_start_with_a_timeout_waits_for_a_short_command(tmp_path):
    held, let_go = threading.Event(), threading.Event()

    def look() -> None:
        with locked(tmp_path):
            held.set()
            let_go.wait()

    command = threading.Thread(target=look)
    command.start()
    held.wait()
    threading.Timer(0.2, let_go.set).start()
    with locked(tmp_path, 60.0):
        assert let_go.is_set()
    command.join()


@pytest.mark.parametrize(
    "command", [("status",), ("history",), ("pin",), ("approve",), ("rate", "8")], ids=" ".join
)
@pytest.mark.parametrize("folder", ["missing", "another"])
def test_a_wrong_folder_is_named_and_left_as_it_is(bench, tmp_path, command, folder):
    wrong = tmp_path / folder
    if folder == "another":
        wrong.mkdir()
        (wrong / "holiday.jpg").write_bytes(b"")
    done = bench.command(*command, "--state", str(wrong))
    assert done.returncode == Exit.NO_STATE
    assert str(wrong) in done.stderr
    assert "state folder" in done.stderr
    assert "Traceback" not in done.stderr
    left = [path.name for path in wrong.iterdir()] if wrong.exists() else None
    assert left == (["holiday.jpg"] if folder == "another" else None)


def test_a_starting_or_stopping_appliance_is_not_reported_as_stopped(bench):
    with locked(bench.state):
        assert "starting or stopping" in bench.command("status").stdout
        Journal.open(bench.state / JOURNAL).close()
        done = bench.command("rate", "8")
    assert done.returncode == Exit.NOT_RUNNING
    assert "try again in a moment" in done.stderr
