"""`greenlight explain`: what the model says about any film. Changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from data.domain import Domain, with_article
from edge.commands.options import ConfigOption, StateOption

_CHANGED = "The same film with one thing changed"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="explain")(explain)


def explain(
    director: Annotated[str, typer.Argument(help="Its director.")],
    year: Annotated[
        str | None, typer.Argument(help="When; leave it out for a model without years.")
    ] = None,
    genres: Annotated[list[str] | None, typer.Argument(help="One to three genres.")] = None,
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
    config: ConfigOption = None,
    state: StateOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for programs, with every digit.")
    ] = False,
) -> None:
    """Explain any film: its score, its distribution, its reasons, and what would make it better.

    With an option for what to change, both films are shown side by side.
    """
    import msgspec

    from edge.appliance.boot import this_year
    from edge.commands.bundle import open_model
    from edge.search.what_if import explain_film

    model = open_model(bundle, state, config)
    number, tags = _typed(year, genres or [], model.domain)
    films = [model.domain.combination(director, number, tags)]
    if other_director or other_year is not None or other_genres:
        films.append(
            model.domain.combination(
                other_director or director,
                number if other_year is None else other_year,
                other_genres or tags,
            )
        )
    explained = [explain_film(model, film, today=this_year(), near_names=True) for film in films]
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(explained) + b"\n")
        sys.stdout.buffer.flush()
        return
    from rich.console import Console

    from edge.search.show_explained import explained_films

    Console().print(explained_films(explained, model.domain))


def _typed(year: str | None, genres: list[str], domain: Domain) -> tuple[int | None, list[str]]:
    """Return the number and the tags that were typed, as far as the domain has these.

    Raises:
        typer.BadParameter: the number isn't one, or there is more than the domain has.
    """
    rest = [*([] if year is None else [year]), *genres]
    number = None
    if domain.ordinal is not None and rest:
        word, *rest = rest
        try:
            number = int(word)
        except ValueError as error:
            named = with_article("a", domain.ordinal.word)
            raise typer.BadParameter(f"{word!r} isn't {named}; give a whole number") from error
    if domain.tags is None and rest:
        raise typer.BadParameter(f"the model knows nothing of {', '.join(rest)!r}; leave it out")
    return number, rest
