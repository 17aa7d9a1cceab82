"""The options that commands share: which cloud, and which stack in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LocalOption = Annotated[
    Path | None,
    typer.Option("--local", metavar="FOLDER", help="a local cloud's folder, instead of AWS"),
]
RegionOption = Annotated[
    str | None, typer.Option("--region", help="the AWS region; default: the one in your settings")
]
StackOption = Annotated[str, typer.Option("--stack", help="the stack's name, in lower case")]
