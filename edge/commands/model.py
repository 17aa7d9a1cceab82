"""`greenlight model`: retry a quarantined model."""

from __future__ import annotations

import typer

from edge.commands.options import ConfigOption, JsonOption, StateOption, configured


def register(app: typer.Typer) -> None:
    """Add the commands."""
    noun = typer.Typer(help="Retry a quarantined model.", no_args_is_help=True)
    noun.callback()(_model)
    noun.command()(retry)
    app.add_typer(noun, name="model")


def _model() -> None:
    """Retry a quarantined model."""


def retry(config: ConfigOption = None, state: StateOption = None, json: JsonOption = False) -> None:
    """Try the newest quarantined model again, as if it had just been downloaded."""
    from edge.appliance import RetryModel, client
    from edge.commands.output import print_outcome
    from edge.models.active_domain import active_domain

    settings = configured(config, state)
    outcome = client.execute(settings, RetryModel())
    print_outcome(outcome, active_domain(settings.state), as_json=json)
    if not outcome.ok:
        raise typer.Exit(outcome.exit_code)
