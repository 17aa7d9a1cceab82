"""`greenlight score`: the model's predictions for every row of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.command_line import JsonOption, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="score")(score)


def score(
    csv: Annotated[Path, typer.Option(help="A film table, csv or tsv, of any length.")],
    out: Annotated[Path, typer.Option(help="Where to write the predictions, csv or tsv.")],
    bundle: Annotated[
        Path | None,
        typer.Option(help="A bundle's folder; by default the appliance's active model."),
    ] = None,
    state: Annotated[Path | None, typer.Option(help="The appliance's state folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score every row of a film table, in order: expected stars and ten probabilities."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from edge.commands.bundle import open_model
    from edge.search.score import score_file

    console = Console(stderr=True)
    model = open_model(bundle, state)
    with Progress(
        TextColumn("scoring {task.fields[rows]:,} rows"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as shown:
        task = shown.add_task("", total=csv.stat().st_size if csv.exists() else None, rows=0)
        rows = score_file(
            model, csv, out, lambda read, done: shown.update(task, completed=read, rows=done)
        )
    if as_json:
        print_json({"rows": rows, "out": str(out)})
    else:
        typer.echo(f"{rows:,} rows scored into {out}", err=True)
