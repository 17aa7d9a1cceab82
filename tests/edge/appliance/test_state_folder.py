"""One appliance a state folder; a command that looks into it keeps none from starting."""

from __future__ import annotations

import threading

import pytest

from edge.appliance.state_folder import AlreadyRunning, locked


def test_a_second_appliance_is_turned_away(tmp_path):
    with locked(tmp_path), pytest.raises(AlreadyRunning, match="stop it first"), locked(tmp_path):
        pass


def test_who_has_patience_waits_until_a_command_has_looked(tmp_path):
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
