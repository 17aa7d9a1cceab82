"""The executable `greenlight-cloud`: the operator's commands, plus `local` for the local cloud."""

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
    """Run the command line."""
    command_line.run(application(), cli.NAME, cli.explain)
