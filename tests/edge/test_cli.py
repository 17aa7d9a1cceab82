"""Each kind of failure of a start or a command has its own exit code and message."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from data import command_line
from data.errors import GreenlightError
from data.exits import Exit
from data.settings import ConfigError
from edge import cli
from edge.appliance.client import NotRunning
from edge.appliance.state_folder import AlreadyRunning, NoState
from edge.journal import JOURNAL, Journal, JournalDamaged, JournalError, JournalFull, JournalTooNew
from edge.journal.schema import MIGRATIONS
from edge.panel.hardware import NoGpio


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(Path("x.toml"), ["x"]), Exit.CONFIGURATION),
        (NoGpio("x"), Exit.NO_GPIO),
        (AlreadyRunning("x"), Exit.ALREADY_RUNNING),
        (NoState("x"), Exit.NO_STATE),
        (JournalError("x"), Exit.NO_STATE),
        (JournalDamaged("x"), Exit.NO_STATE),
        (JournalFull("x"), Exit.NO_STATE),
        (JournalTooNew("x"), Exit.JOURNAL_TOO_NEW),
        (NotRunning("x"), Exit.NOT_RUNNING),
        (GreenlightError("x"), Exit.FAILED),
    ],
)
def test_every_error_has_its_code(error, code):
    assert error.exit_code is code


def test_codes_are_distinct_and_keep_to_what_shells_leave_free():
    # Of two members with one value the second would only be another name for the first.
    assert {code.name for code in Exit} == set(Exit.__members__)
    assert all(0 <= code <= 78 for code in Exit)


def run(bench, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", "run", "--config", str(bench.config), *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        env={**os.environ, **environment},
    )


def test_a_wrong_configuration_ends_with_78_and_every_error(bench):
    bench.config.write_text("buton_pin = 1\nled_pin = 99\n")
    done = run(bench)
    assert done.returncode == 78
    assert "did you mean button_pin?" in done.stderr
    assert "led_pin: is 99" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_pins_end_with_71(bench):
    done = run(bench, GPIOZERO_PIN_FACTORY="none-such")
    assert done.returncode == 71
    assert "is this a Raspberry Pi" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_appliance_ends_with_73_and_leaves_the_first_alone(bench):
    bench.start()
    done = run(bench, "--simulate")
    assert done.returncode == 73
    assert "another appliance is running" in done.stderr
    assert bench.ask("status")["ok"]


def test_a_state_folder_that_is_not_a_folder_ends_with_74(bench):
    bench.state.write_text("a file")
    done = run(bench, "--simulate")
    assert done.returncode == 74
    assert "does it belong to this user" in done.stderr


def test_a_journal_of_newer_software_ends_with_76_untouched(bench):
    bench.state.mkdir()
    Journal.open(bench.state / JOURNAL).close()
    connection = sqlite3.connect(bench.state / JOURNAL)
    connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    connection.close()
    before = (bench.state / JOURNAL).read_bytes()
    done = run(bench, "--simulate")
    assert done.returncode == 76
    assert "update Greenlight" in done.stderr
    assert (bench.state / JOURNAL).read_bytes() == before


def test_an_unexpected_error_ends_with_70_and_its_trace(monkeypatch, capsys):
    def broken():
        raise RuntimeError("unforeseen")

    app = command_line.application("greenlight", "x")
    app.command("break")(broken)
    monkeypatch.setattr(cli, "application", lambda: app)
    monkeypatch.setattr(sys, "argv", ["greenlight", "break"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 70
    assert "unforeseen" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--version", "-h", "--help"])
def test_it_says_what_it_is(option):
    done = subprocess.run(
        [sys.executable, "-m", "edge", option], capture_output=True, text=True, check=True
    )
    assert "greenlight" in done.stdout


def test_with_json_a_failure_is_json_too(bench):
    done = subprocess.run(
        [sys.executable, "-m", "edge", "press", "--json", "--config", str(bench.config)],
        capture_output=True,
        text=True,
        check=False,
    )
    failure = json.loads(done.stdout)
    assert (failure["ok"], failure["exit_code"]) == (False, done.returncode)
    assert done.returncode == Exit.NOT_RUNNING
    assert failure["error"]


def test_usage_ends_with_2(bench):
    assert run(bench, "--no-such-option").returncode == 2
