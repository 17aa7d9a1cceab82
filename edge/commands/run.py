"""`greenlight run`: the appliance itself."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.commands.options import ConfigOption, StateOption, configured
from edge.log_limit import limit_logs


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    simulate: Annotated[
        bool,
        typer.Option("--simulate", help="No pins: the keyboard presses and the screen blinks."),
    ] = False,
    config: ConfigOption = None,
    state: StateOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every transition.")] = False,
) -> None:
    """Run the appliance until it is stopped (SIGTERM, Ctrl-C, or the button held for 10 s)."""
    from edge.appliance.run import run as run_appliance
    from edge.panel.terminal import Terminal

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    limit_logs()
    settings = configured(config, state)
    terminal = Terminal(sys.stdout, sys.stdin if simulate else None, simulates=simulate)
    page_options = () if config is None else ("--config", str(config.absolute()))
    powers_off = run_appliance(
        settings, simulate=simulate, terminal=terminal, page_options=page_options
    )
    if powers_off:
        _ask_for_power_off()


def _ask_for_power_off() -> None:
    """Create the file that systemd waits for; if none is configured, nothing is powered off.

    We have no other right to power off: see `systemd/greenlight-poweroff.path`.
    """
    if asked := os.environ.get("GREENLIGHT_POWER_OFF"):
        Path(asked).touch()
