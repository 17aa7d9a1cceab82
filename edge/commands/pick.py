"""`greenlight pick`: the best films to make. A pure query: nothing is recorded."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from edge.commands.options import ConfigOption, StateOption

if TYPE_CHECKING:
    from data.domain import Domain
    from data.films import Combination
    from edge.search.answer import Answer
    from edge.search.different import Differ
    from edge.search.slate import Slate

_WHO, _WHEN, _WHAT = "Directors", "Years", "Genres and kinds"
_DIFFER: tuple[Differ, ...] = ("director", "year", "genres")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="pick")(pick)


def pick(
    bundle: Annotated[
        Path | None,
        typer.Option(help="A bundle's folder; by default the appliance's active model."),
    ] = None,
    config: ConfigOption = None,
    state: StateOption = None,
    slate: Annotated[
        Path | None, typer.Option(help="A TOML file that says what to choose from.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many films to list.")] = 1,
    repeat_directors: Annotated[
        bool, typer.Option("--repeat-directors", help="List a director more than once.")
    ] = False,
    differ: Annotated[
        list[str] | None,
        typer.Option(
            help="director, year or genres: list films of which no two share it; repeat for more."
            " By default directors differ."
        ),
    ] = None,
    among: Annotated[
        Path | None,
        typer.Option(help="A film table: find the exact best among its rows and nothing else."),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help='A rule, such as "if Horror then not Family", "never NAME" or "at most 1 of'
            ' Horror, Crime"; repeat for more.'
        ),
    ] = None,
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
    # The process ends after one answer: collecting garbage would cost more than it frees.
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
            "rules": rule and tuple(rule),
        },
    }
    if everything and slate:
        raise typer.BadParameter("--everything has no restrictions; leave --slate out")
    chosen = _slate(slate, everything, narrowed)
    question = _Question(
        chosen, _made(leave_out), k, repeat_directors, _differ(differ, repeat_directors), explore,
        seed, among,
    )  # fmt: skip
    answer = _answer(bundle, state, config, question)
    if as_json:
        sys.stdout.buffer.write(answer.to_json() + b"\n")
        sys.stdout.buffer.flush()
    else:
        from edge.commands.bundle import opened_domain

        _show(answer, opened_domain(bundle, state, config))


class _Question(NamedTuple):
    """What to ask the model."""

    slate: Slate
    made: list[Combination]
    k: int
    repeat_directors: bool
    differ: tuple[Differ, ...]
    explore: bool
    seed: int | None
    among: Path | None


def _differ(given: list[str] | None, repeat_directors: bool) -> tuple[Differ, ...]:
    for name in given or ():
        if name not in _DIFFER:
            raise typer.BadParameter(f"--differ is director, year or genres, not {name!r}")
    if given and repeat_directors:
        raise typer.BadParameter("--repeat-directors and --differ contradict each other; drop one")
    return tuple(name for name in _DIFFER if name in (given or ()))


def _slate(path: Path | None, everything: bool, narrowed: dict[str, dict[str, Any]]) -> Slate:
    """Return the slate of a file, if one is named, as changed by the options."""
    import msgspec

    from edge.search.slate import InvalidSlate, Slate

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
    given["rules"] = [*slate.rules, *(narrowed[""]["rules"] or ())]
    return Slate.of(given)


def _made(path: Path | None) -> list[Combination]:
    if path is None:
        return []
    from data.film_table import is_film, read_rows

    return [row.combination for row in read_rows(path) if is_film(row)]


def _answer(
    bundle: Path | None, state: Path | None, config: Path | None, question: _Question
) -> Answer:
    import random
    import secrets

    from edge.appliance.boot import this_year
    from edge.commands.bundle import open_model
    from edge.search.domain_slate import on_wire
    from edge.search.pick import choose, choose_among, choose_drawn

    slate, seed = question.slate, question.seed
    if question.among is not None:
        _refuse_limits(slate, question)
    model = open_model(bundle, state, config)
    slate = on_wire(slate, model.domain)
    if seed is None:
        seed = secrets.randbelow(2**32) if question.explore or slate.draws else 0
    progress = _RowProgress()
    try:
        if question.among is not None:
            return choose_among(
                model,
                question.among,
                question.k,
                differ=question.differ or (() if question.repeat_directors else ("director",)),
                rules=slate.rules,
                leave_out=[*question.made, *(film.combination for film in slate.leave_out)],
                seed=seed,
                progress=lambda done: progress(done, None),
            )
        if slate.sample != "all":
            from edge.search.drawn_slate import draw_slate

            drawn = draw_slate(model, slate, random.Random(seed), question.made, today=this_year())
            return choose_drawn(
                model,
                drawn,
                question.k,
                repeat_directors=question.repeat_directors,
                differ=question.differ,
                seed=seed,
                explore=question.explore,
            )
        return choose(
            model,
            slate,
            question.k,
            repeat_directors=question.repeat_directors,
            differ=question.differ,
            seed=seed,
            leave_out=question.made,
            explore=question.explore,
            progress=progress,
            today=this_year(),
        )
    finally:
        progress.close()


def _refuse_limits(slate: Slate, question: _Question) -> None:
    """Refuse limits that the rows of a file can't have.

    Raises:
        InvalidSlate: there are some.
    """
    import msgspec

    from edge.search.slate import InvalidSlate, Slate

    rest = msgspec.structs.replace(slate, rules=(), leave_out=())
    if rest != Slate() or question.explore:
        raise InvalidSlate(
            "With --among the rows of the file are all there is to choose from; with it, only"
            " rules, --leave-out, -k, --differ and --repeat-directors can be given"
        )


class _RowProgress:
    """A progress line on the terminal, if the search goes row by row."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, done: int, of: int | None) -> None:
        if sys.stderr.isatty():
            self._said = True
            end = "" if of is None else f" of {of:,}"
            print(f"\rscoring row by row: {done:,}{end}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._said:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _show(answer: Answer, domain: Domain) -> None:
    from rich.console import Console

    from edge.search.answer import SlateAnswer
    from edge.search.show import pick_table, slate_grid

    shown = (
        slate_grid(answer, domain)
        if isinstance(answer, SlateAnswer)
        else pick_table(answer, domain)
    )
    Console().print(shown)
