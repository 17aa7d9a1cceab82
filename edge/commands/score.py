"""`greenlight score`: the model's predictions for every row of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.command_line import JsonOption, print_json
from edge.commands.options import ConfigOption, StateOption

if TYPE_CHECKING:
    from collections import Counter

# Of the names that a model doesn't know.
_MOST_SHOWN = 5


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
    config: ConfigOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every row of a film table, in order: expected stars and ten probabilities."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from edge.commands.bundle import open_model
    from edge.search.score import score_file

    console = Console(stderr=True)
    model = open_model(bundle, state, config)
    with Progress(
        TextColumn("scoring {task.fields[rows]:,} rows"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as shown:
        task = shown.add_task("", total=csv.stat().st_size if csv.exists() else None, rows=0)
        scored = score_file(
            model, csv, out, lambda read, done: shown.update(task, completed=read, rows=done)
        )
    if as_json:
        print_json({"rows": scored.rows, "out": str(out), "unknown": dict(scored.unknown)})
        return
    typer.echo(f"{scored.rows:,} rows scored into {out}", err=True)
    if scored.unknown:
        typer.echo(_unknown(scored.unknown), err=True)


def _unknown(found: Counter[str]) -> str:
    """Return how many names the model doesn't know, and the commonest of them."""
    most = found.most_common(_MOST_SHOWN)
    named = ", ".join(f"{what} ({times:,})" for what, times in most)
    left = len(found) - len(most)
    more = f" and {left:,} more" if left else ""
    return (
        f"{found.total():,} names the model doesn't know were scored as average or as none; the"
        f" column `unknown` says where: {named}{more}"
    )
