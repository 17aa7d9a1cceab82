"""All four executables alike: every command that ends by itself answers programs, too."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest
import typer

from cloud_sync.cli import app as sync
from edge.cli import application as appliance
from local_cloud.cli import application as cloud
from training.cli import app as train

EXECUTABLES = {
    "greenlight": appliance,
    "greenlight-cloud": cloud,
    "greenlight-sync": lambda: sync,
    "greenlight-train": lambda: train,
}
# These run until they are stopped, so no document ever ends what they say.
RUN_ON = {
    "greenlight run", "greenlight play", "greenlight page", "greenlight-sync run",
    "greenlight-cloud local run", "greenlight-cloud local tail",
}  # fmt: skip
# Here --json names a file for the figures.
TO_A_FILE = {"greenlight-train evaluate"}


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if not inner:
        yield path, command
        return
    for name, one in inner.items():
        yield from commands(one, f"{path} {name}")


def test_these_are_all_executables():
    ours = entry_points(group="console_scripts").select()
    assert {one.name for one in ours if one.name.startswith("greenlight")} == set(EXECUTABLES)


@pytest.mark.parametrize("name", EXECUTABLES)
def test_every_command_that_ends_by_itself_answers_in_json(name):
    without = {
        path
        for path, command in commands(typer.main.get_command(EXECUTABLES[name]()), name)
        if not any("--json" in one.opts and one.is_flag for one in command.params if one.opts)
    }
    assert without == {path for path in RUN_ON | TO_A_FILE if path.split()[0] == name}


@pytest.mark.parametrize("name", EXECUTABLES)
def test_help_has_its_short_form_and_the_version_and_completion_are_there(name):
    command = typer.main.get_command(EXECUTABLES[name]())
    assert "-h" in command.context_settings["help_option_names"]
    options = {option for one in command.params for option in one.opts}
    assert {"--version", "--install-completion", "--show-completion"} <= options
