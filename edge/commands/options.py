"""Options that most commands share: configuration, state folder, JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.config import Config, read

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The configuration (default: /etc/greenlight/greenlight.toml, if it exists).",
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", help="Use this state folder instead of the configured one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]


def configured(config: Path | None, state: Path | None) -> Config:
    """Return the configuration that the options name."""
    return read(config, state)


@contextlib.contextmanager
def stopped_journal(config: Config) -> Iterator[Any]:
    """Open the journal while no appliance runs, under the lock that keeps one from starting."""
    from edge.appliance.state_folder import locked
    from edge.journal import JOURNAL, Journal

    with locked(config.state), Journal.open(config.state / JOURNAL) as journal:
        yield journal
