"""`press`, `hold`, `approve`, `rate`, `status`: to the running appliance, or alone without one."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from data.exits import Exit
from edge.appliance import client
from edge.commands.options import (
    ConfigOption,
    JsonOption,
    StateOption,
    configured,
    stopped_journal,
)

# A search of everything, row by row, takes minutes.
_SEARCH_SECONDS = 1800.0
PickOption = Annotated[
    str | None, typer.Option("--pick", help="A pick's id, from `history`; otherwise the newest.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (press, hold, approve, rate, status):
        app.command()(command)


def press(config: ConfigOption = None, state: StateOption = None, json: JsonOption = False) -> None:
    """Do what a short press of the button does; wait for the pick, and show it with its slate."""
    reply = client.ask(configured(config, state).state, "press", timeout_seconds=_SEARCH_SECONDS)
    _show_outcome(reply, as_json=json)


def hold(
    seconds: Annotated[float, typer.Argument(help="2 approves, 5 synchronises, 10 shuts down.")],
    config: ConfigOption = None,
    state: StateOption = None,
    json: JsonOption = False,
) -> None:
    """Hold the simulated button: 2 s approves, 5 s synchronises and verifies, 10 s shuts down."""
    reply = client.ask(
        configured(config, state).state,
        "hold",
        seconds=seconds,
        timeout_seconds=seconds + _SEARCH_SECONDS,
    )
    _show_outcome(reply, as_json=json)


def approve(
    pick: PickOption = None,
    config: ConfigOption = None,
    state: StateOption = None,
    json: JsonOption = False,
) -> None:
    """Approve the pick that waits: the film is made, and its rating is awaited."""
    settings = configured(config, state)
    try:
        reply = client.ask(settings.state, "approve", pick_id=pick)
    except client.NotRunning:
        from edge.commands import alone

        with stopped_journal(settings) as journal:
            reply = alone.approve(journal, settings, pick)
    _show_outcome(reply, as_json=json)


def rate(
    stars: Annotated[
        float | None, typer.Argument(min=1, max=10, help="The real rating, with decimals if any.")
    ] = None,
    pick: PickOption = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Draw it from the prediction (demonstration only).")
    ] = False,
    config: ConfigOption = None,
    state: StateOption = None,
    json: JsonOption = False,
) -> None:
    """Rate an approved film: the newest without a rating, or the one with --pick."""
    if (stars is None) != simulated:
        raise typer.BadParameter("give the stars, or --simulated to have them drawn")
    settings = configured(config, state)
    try:
        reply = client.ask(settings.state, "rate", stars=stars, pick_id=pick, simulated=simulated)
    except client.NotRunning:
        from edge.commands import alone

        with stopped_journal(settings) as journal:
            reply = alone.rate(journal, settings, stars, pick, simulated=simulated)
    _show_outcome(reply, as_json=json)


def status(
    config: ConfigOption = None,
    state: StateOption = None,
    json: JsonOption = False,
    seen: Annotated[
        bool, typer.Option("--seen", help="Take down what wanted attention: it was read.")
    ] = False,
) -> None:
    """Say how the appliance is, and what wants attention."""
    settings = configured(config, state)
    try:
        reply = client.ask(settings.state, "status", seen=seen)
    except client.NotRunning:
        from edge.appliance.status import stopped

        with stopped_journal(settings) as journal:
            reply = {"ok": True, **stopped(journal, settings.state, settings.thing)}
    if json:
        _print_json(reply)
    else:
        from edge.commands.output import tell_status

        tell_status(reply)


def _show_outcome(reply: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(reply)
    elif reply["ok"]:
        from edge.commands.output import tell_outcome

        tell_outcome(reply)
    if not reply["ok"]:
        if not as_json:
            print(reply["error"], file=sys.stderr)
        raise typer.Exit(Exit.FAILED)


def _print_json(reply: dict[str, Any]) -> None:
    import json

    print(json.dumps(reply, ensure_ascii=False))
