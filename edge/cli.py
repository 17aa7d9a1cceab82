"""The command line of `greenlight`: its commands."""

from __future__ import annotations

import typer

from data import command_line

NAME = "greenlight"


def application() -> typer.Typer:
    """Return the command line with every command."""
    from edge.commands import (
        doctor,
        explain,
        history,
        model,
        owner,
        page,
        pick,
        pin,
        play,
        run,
        score,
    )

    app = command_line.application(NAME, "Picks the best film to make, exactly and offline.")
    for module in (run, play, owner, history, pin, doctor, model, pick, explain, score, page):
        module.register(app)
    return app


def main() -> None:
    """Run a command; an error ends it with one sentence and its own exit code."""
    command_line.run(application(), NAME)
