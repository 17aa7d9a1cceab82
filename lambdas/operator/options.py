"""What the commands take alike: which cloud, and which stack in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DeskOption = Annotated[
    Path | None, typer.Option("--desk", help="a local cloud's folder, instead of AWS")
]
RegionOption = Annotated[
    str | None, typer.Option("--region", help="of AWS; else that of your settings")
]
StackOption = Annotated[str, typer.Option("--stack", help="the stack's name, in lower case")]
