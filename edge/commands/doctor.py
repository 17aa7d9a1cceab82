"""`greenlight doctor`: checks every part and says what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from data.exits import Exit
from edge.commands.options import ConfigOption, JsonOption, StateOption, configured


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    config: ConfigOption = None,
    state: StateOption = None,
    json: JsonOption = False,
    simulate: Annotated[bool, typer.Option("--simulate", help="Don't look for pins.")] = False,
) -> None:
    """Check pins, disk, clock, model, journal and sync; exit 1 if anything needs fixing."""
    import msgspec

    from data.findings import lines
    from edge.appliance.doctor import examine

    findings = examine(configured(config, state), simulate=simulate)
    if json:
        print(msgspec.json.encode(findings).decode())
    else:
        print("\n".join(lines(findings)))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(Exit.FAILED)
