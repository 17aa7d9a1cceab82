"""Options that most commands share: configuration, state folder, JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
