"""`greenlight pin`: the PIN for the page."""

from __future__ import annotations

import os
from pathlib import Path
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
    link: Annotated[
        bool, typer.Option("--link", help="Instead, a link that signs in once, for ten minutes.")
    ] = False,
    config: ConfigOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the PIN for the page, creating it on first use."""
    from edge.appliance.sign_in import PIN_FILE, read_or_make_pin, replace_pin
    from edge.appliance.sign_in_link import LINK_FILE, make_link
    from edge.appliance.state_folder import check_is_state_folder

    settings = configured(config, state)
    folder = settings.state
    check_is_state_folder(folder)
    if link:
        address = make_link(settings)
        _hand_to_owner(folder, LINK_FILE)
        if as_json:
            print_json({"link": address})
        else:
            print(address)
        return
    found = replace_pin(folder) if new else read_or_make_pin(folder)
    _hand_to_owner(folder, PIN_FILE)
    if as_json:
        print_json({"pin": found.digits})
    else:
        print(found.digits)


def _hand_to_owner(folder: Path, name: str) -> None:
    """Give a file that root made to the appliance, which reads it."""
    if os.geteuid() == 0:
        owner, made = folder.stat(), (folder / name).stat()
        if (made.st_uid, made.st_gid) != (owner.st_uid, owner.st_gid):
            os.chown(folder / name, owner.st_uid, owner.st_gid)
