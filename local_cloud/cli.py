"""The executable `greenlight-cloud`: the operator's commands, and `local` for the local cloud."""

from __future__ import annotations

import typer

from data import command_line
from lambdas.operator import cli
from local_cloud import commands


def application() -> typer.Typer:
    """Return the whole command line."""
    app = cli.application()
    app.add_typer(commands.app, name="local")
    return app


def main() -> None:
    """Run a command; see data.command_line for how it ends."""
    command_line.run(application(), cli.NAME, cli.explain)
