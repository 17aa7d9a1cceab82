"""`greenlight-train`, the command line: one file for each group of commands.

The composition root of training. Commands import what they need when they run, so that `--help`
doesn't load the libraries of training.
"""

from __future__ import annotations

import typer
from rich.console import Console
from rich.markup import escape

from data.errors import GreenlightError
from training.cli.bundles import export, verify
from training.cli.figures import evaluate, report
from training.cli.films import dataset
from training.cli.retraining import compact, retrain
from training.cluster import end_with_workers

app = typer.Typer(
    help="Train models, measure them, and make the signed bundles that devices run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (dataset, export, evaluate, report, verify, compact, retrain):
    app.command()(command)


def main() -> None:
    """Run the command line; a known error is one line on stderr and exit code 1."""
    end_with_workers()
    try:
        app()
    except GreenlightError as error:
        Console(stderr=True).print(
            f"[red]greenlight-train:[/] {escape(str(error))}", soft_wrap=True
        )
        raise SystemExit(1) from error
