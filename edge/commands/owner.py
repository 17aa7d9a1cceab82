"""`press`, `hold`, `approve`, `rate`, `status`: the owner's commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.appliance import Approve, Hold, Outcome, Press, Rate, Withdraw, client
from edge.commands.options import (
    ConfigOption,
    JsonOption,
    StateOption,
    configured,
)

if TYPE_CHECKING:
    from edge.config import Config

# Searching everything row by row takes minutes.
_SEARCH_SECONDS = 1800.0
PickOption = Annotated[
    str | None, typer.Option("--pick", help="A pick's id, from `history`; by default the newest.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (press, hold, approve, rate, status):
        app.command()(command)


def press(config: ConfigOption = None, state: StateOption = None, json: JsonOption = False) -> None:
    """Find a fresh pick, as a short press of the button does, and show it with its slate."""
    settings = configured(config, state)
    _show(
        settings, client.execute(settings, Press(), timeout_seconds=_SEARCH_SECONDS), as_json=json
    )


def hold(
    seconds: Annotated[
        float, typer.Argument(help="2 approves, 5 synchronises, 10 shuts down, 20 opens pairing.")
    ],
    config: ConfigOption = None,
    state: StateOption = None,
    json: JsonOption = False,
) -> None:
    """Hold the simulated button: 2 s approves, 5 s synchronises, 10 s stops, 20 s opens pairing."""
    timeout = seconds + _SEARCH_SECONDS
    settings = configured(config, state)
    outcome = client.execute(settings, Hold(seconds), timeout_seconds=timeout)
    _show(settings, outcome, as_json=json)


def approve(
    pick: PickOption = None,
    config: ConfigOption = None,
    state: StateOption = None,
    json: JsonOption = False,
) -> None:
    """Approve the pick that is waiting: the film is made, and can be rated once it is out."""
    settings = configured(config, state)
    _show(settings, client.execute(settings, Approve(pick)), as_json=json)


def rate(
    stars: Annotated[
        float | None,
        typer.Argument(help="The real rating: 1 to 10 for a film, else on the domain's own scale."),
    ] = None,
    pick: PickOption = None,
    simulated: Annotated[
        bool,
        typer.Option(
            "--simulated", help="Sample the stars from the prediction (demonstration mode only)."
        ),
    ] = False,
    correct: Annotated[
        bool, typer.Option("--correct", help="Change the rating of the pick that --pick names.")
    ] = False,
    withdraw: Annotated[
        bool,
        typer.Option(
            "--withdraw",
            help="Take the rating back: no model learns from it. You can rate the film again.",
        ),
    ] = False,
    config: ConfigOption = None,
    state: StateOption = None,
    json: JsonOption = False,
) -> None:
    """Rate an approved film: the newest one without a rating, or the one --pick names.

    A mistake can be corrected (`greenlight rate 7 --correct --pick ID`) or withdrawn (`greenlight
    rate --withdraw --pick ID`), on the appliance and in the cloud; `history --csv` lists the ids.
    """
    if withdraw:
        if stars is not None or simulated or correct:
            raise typer.BadParameter("--withdraw takes nothing but --pick")
        if pick is None:
            raise typer.BadParameter("say whose rating to withdraw: --pick ID")
    elif (stars is None) != simulated:
        raise typer.BadParameter("give the stars, or --simulated to sample them")
    elif correct and pick is None:
        raise typer.BadParameter("say which rating to correct: --pick ID")
    settings = configured(config, state)
    command: Rate | Withdraw
    if withdraw:
        assert pick is not None
        command = Withdraw(pick)
    else:
        given = None if stars is None else _on_wire(settings.state, stars)
        command = Rate(given, pick, simulated, correct=correct)
    _show(settings, client.execute(settings, command), as_json=json)


def _on_wire(state: Path, given: float) -> float:
    """Convert an outcome on the domain's own scale to a rating from 1 to 10."""
    from data.errors import InvalidRecord
    from edge.models.active_domain import active_domain

    try:
        return active_domain(state).rating_of(given)
    except InvalidRecord as error:
        raise typer.BadParameter(f"the rating {error.reason} {error.field}") from None


def status(
    config: ConfigOption = None,
    state: StateOption = None,
    json: JsonOption = False,
    seen: Annotated[bool, typer.Option("--seen", help="Mark warnings as read.")] = False,
) -> None:
    """Show the appliance's status, warnings first."""
    settings = configured(config, state)
    try:
        reply = client.ask(settings.state, "status", seen=seen)
    except client.NotRunning:
        from edge.appliance.status import stopped

        reply = {"ok": True, **stopped(settings.state, settings.thing)}
    if json:
        from json import dumps

        print(dumps(reply, ensure_ascii=False))
    else:
        from edge.commands.output import print_status

        print_status(reply)


def _show(settings: Config, outcome: Outcome, *, as_json: bool) -> None:
    from edge.commands.output import print_outcome
    from edge.models.active_domain import active_domain

    print_outcome(outcome, active_domain(settings.state), as_json=as_json)
    if not outcome.ok:
        raise typer.Exit(outcome.exit_code)
