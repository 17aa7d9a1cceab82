"""`greenlight pin`: the PIN for the page."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from data.command_line import JsonOption, print_json
from edge.commands.options import ConfigOption, StateOption, configured


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(pin)


def pin(
    new: Annotated[bool, typer.Option("--new", help="Make a new one, instead of the old.")] = (
        False
    ),
    config: ConfigOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the PIN for the page, creating it on first use."""
    from edge.appliance.sign_in import PIN_FILE, read_or_make_pin, replace_pin
    from edge.appliance.state_folder import check_is_state_folder

    folder = configured(config, state).state
    check_is_state_folder(folder)
    found = replace_pin(folder) if new else read_or_make_pin(folder)
    if os.geteuid() == 0:
        # Even if root makes it, it must belong to the appliance, which reads it.
        owner, made = folder.stat(), (folder / PIN_FILE).stat()
        if (made.st_uid, made.st_gid) != (owner.st_uid, owner.st_gid):
            os.chown(folder / PIN_FILE, owner.st_uid, owner.st_gid)
    if as_json:
        print_json({"pin": found.digits})
    else:
        print(found.digits)
