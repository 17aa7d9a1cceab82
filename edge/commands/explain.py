"""`greenlight explain`: what the model says about any film. Changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

_CHANGED = "The same film with one thing changed"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="explain")(explain)


def explain(
    director: Annotated[str, typer.Argument(help="Its director.")],
    year: Annotated[int, typer.Argument(help="When.")],
    genres: Annotated[list[str], typer.Argument(help="One to three genres.")],
    other_director: Annotated[
        str | None,
        typer.Option("--director", help="Another director.", rich_help_panel=_CHANGED),
    ] = None,
    other_year: Annotated[
        int | None, typer.Option("--year", help="Another year.", rich_help_panel=_CHANGED)
    ] = None,
    other_genres: Annotated[
        list[str] | None,
        typer.Option("--genre", help="Other genres; repeat for more.", rich_help_panel=_CHANGED),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="A bundle's folder; by default the appliance's active model."),
    ] = None,
    state: Annotated[Path | None, typer.Option(help="The appliance's state folder.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for programs, with every digit.")
    ] = False,
) -> None:
    """Explain any film: its score, its distribution, its reasons, and what would make it better.

    With an option for what to change, both films are shown side by side.
    """
    import msgspec

    from data.films import combination
    from edge.appliance.boot import this_year
    from edge.commands.bundle import open_model
    from edge.search.what_if import explain_film

    films = [combination(director, year, genres)]
    if other_director or other_year is not None or other_genres:
        films.append(
            combination(
                other_director or director,
                year if other_year is None else other_year,
                other_genres or genres,
            )
        )
    model = open_model(bundle, state)
    explained = [explain_film(model, film, today=this_year()) for film in films]
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(explained) + b"\n")
        sys.stdout.buffer.flush()
        return
    from rich.console import Console

    from edge.search.show_explained import explained_films

    Console().print(explained_films(explained))
