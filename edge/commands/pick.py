"""`greenlight pick`: the best films to make. A pure query: nothing is remembered."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from data.films import Combination
    from edge.search.answer import Answer
    from edge.search.slate import Slate

_WHO, _WHEN, _WHAT = "Directors", "Years", "Genres and kinds"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="pick")(pick)


def pick(
    bundle: Annotated[
        Path | None,
        typer.Option(help="A bundle's folder; by default the appliance's active model."),
    ] = None,
    state: Annotated[Path | None, typer.Option(help="The appliance's state folder.")] = None,
    slate: Annotated[
        Path | None, typer.Option(help="A TOML file that says what to choose from.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many films to list.")] = 1,
    repeat_directors: Annotated[
        bool, typer.Option("--repeat-directors", help="List a director more than once.")
    ] = False,
    draw: Annotated[
        bool,
        typer.Option("--draw", help="Draw 36 next films and choose from them, as a press does."),
    ] = False,
    classic: Annotated[
        bool,
        typer.Option(
            "--classic",
            help="Draw the original's slate: 36 films of any years in three directors' careers.",
        ),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="No restrictions: any kind, implausible films too.")
    ] = False,
    director: Annotated[
        list[str] | None, typer.Option(help="Only this one; repeat for more.", rich_help_panel=_WHO)
    ] = None,
    at_least_films: Annotated[
        int | None,
        typer.Option(help="Only directors with at least this many films.", rich_help_panel=_WHO),
    ] = None,
    active_within: Annotated[
        int | None,
        typer.Option(
            help="Only directors whose last film is at most this many years older than the"
            " model's newest; for next films.",
            rich_help_panel=_WHO,
        ),
    ] = None,
    draw_directors: Annotated[
        int | None, typer.Option(help="This many, drawn at random.", rich_help_panel=_WHO)
    ] = None,
    year: Annotated[
        list[int] | None,
        typer.Option(help="Only this one; repeat for more.", rich_help_panel=_WHEN),
    ] = None,
    first_year: Annotated[
        int | None, typer.Option(help="From this one on.", rich_help_panel=_WHEN)
    ] = None,
    last_year: Annotated[
        int | None,
        typer.Option(help="Up to this one; any calendar year will do.", rich_help_panel=_WHEN),
    ] = None,
    genre: Annotated[
        list[str] | None, typer.Option(help="Allow only these.", rich_help_panel=_WHAT)
    ] = None,
    require_genre: Annotated[
        list[str] | None, typer.Option(help="Require all of these.", rich_help_panel=_WHAT)
    ] = None,
    at_most_genres: Annotated[
        int | None, typer.Option(help="At most this many in a film.", rich_help_panel=_WHAT)
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="film, tv, video or game.", rich_help_panel=_WHAT)
    ] = None,
    implausible: Annotated[
        bool, typer.Option("--implausible", help="Any year and genre for any director.")
    ] = False,
    explore: Annotated[
        bool, typer.Option("--explore", help="Sample a film to learn from, listed before the best.")
    ] = False,
    leave_out: Annotated[
        Path | None, typer.Option(help="A film table of what was already made.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="For draws and titles; the same seed gives the same result.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for programs, with every digit.")
    ] = False,
) -> None:
    """Find the best films to make, exactly.

    Without options: the best next film of all directors who were active lately, in genres they
    have worked in, this year or in one of the two after it. Name years for any other period.
    """
    # One answer and the process ends: collecting garbage would cost more than it frees.
    gc.disable()
    narrowed: dict[str, dict[str, Any]] = {
        "directors": {
            "names": director and tuple(director),
            "at_least_films": at_least_films,
            "active_within": active_within,
            "draw": draw_directors,
        },
        "years": {"only": year and tuple(year), "first": first_year, "last": last_year},
        "genres": {
            "allowed": genre and tuple(genre),
            "required": require_genre and tuple(require_genre),
            "at_most": at_most_genres,
        },
        "": {
            "kinds": kind and tuple(kind),
            "plausible": False if implausible else None,
            "sample": "any" if classic else "next" if draw else None,
        },
    }
    if everything and slate:
        raise typer.BadParameter("--everything has no restrictions; leave --slate out")
    chosen = _slate(slate, everything, narrowed)
    made = _made(leave_out)
    answer = _answer(bundle, state, chosen, made, k, repeat_directors, explore, seed)
    if as_json:
        sys.stdout.buffer.write(answer.to_json() + b"\n")
        sys.stdout.buffer.flush()
    else:
        _show(answer)


def _slate(path: Path | None, everything: bool, narrowed: dict[str, dict[str, Any]]) -> Slate:
    """Return the slate of a file, if one is named, with what options say put over it."""
    import msgspec

    from edge.search.slate import InvalidSlate, Slate, describe

    slate = Slate.everything() if everything else Slate()
    if path is not None:
        try:
            slate = Slate.from_toml(path.read_bytes())
        except OSError as error:
            raise InvalidSlate(f"The slate {path} can't be read: {error.strerror}") from error
    given = msgspec.to_builtins(slate)
    for part, options in narrowed.items():
        target = given[part] if part else given
        target.update({name: value for name, value in options.items() if value is not None})
    try:
        return msgspec.convert(given, Slate)
    except msgspec.ValidationError as error:
        raise InvalidSlate(describe(error)) from error


def _made(path: Path | None) -> list[Combination]:
    if path is None:
        return []
    from data.film_table import is_film, read_rows

    return [row.combination for row in read_rows(path) if is_film(row)]


def _answer(
    bundle: Path | None,
    state: Path | None,
    slate: Slate,
    made: list[Combination],
    k: int,
    repeat_directors: bool,
    explore: bool,
    seed: int | None,
) -> Answer:
    import random
    import secrets

    from edge.appliance.boot import this_year
    from edge.commands.bundle import open_model
    from edge.search.pick import choose, choose_drawn

    model = open_model(bundle, state)
    if seed is None:
        seed = secrets.randbelow(2**32) if explore or slate.draws else 0
    if slate.sample != "all":
        from edge.search.drawn_slate import draw_slate

        drawn = draw_slate(model, slate, random.Random(seed), made, today=this_year())
        return choose_drawn(
            model, drawn, k, repeat_directors=repeat_directors, seed=seed, explore=explore
        )
    progress = _RowProgress()
    try:
        return choose(
            model,
            slate,
            k,
            repeat_directors=repeat_directors,
            seed=seed,
            leave_out=made,
            explore=explore,
            progress=progress,
            today=this_year(),
        )
    finally:
        progress.close()


class _RowProgress:
    """A progress line on the terminal, if the search goes row by row."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, done: int, of: int) -> None:
        if sys.stderr.isatty():
            self._said = True
            print(f"\rscoring row by row: {done:,} of {of:,}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._said:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _show(answer: Answer) -> None:
    from rich.console import Console

    from edge.search.answer import SlateAnswer
    from edge.search.show import pick_table, slate_grid

    shown = slate_grid(answer) if isinstance(answer, SlateAnswer) else pick_table(answer)
    Console().print(shown)
