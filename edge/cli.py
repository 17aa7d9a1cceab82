"""The command line of `greenlight`: its commands, and how each failure ends the process."""

from __future__ import annotations

import sys
import traceback
from io import TextIOWrapper

import typer

from data.errors import GreenlightError
from data.exits import Exit


def application() -> typer.Typer:
    """Return the command line with every command."""
    from edge.commands import doctor, history, model, owner, pick, pin, run, score

    app = typer.Typer(
        name="greenlight",
        help="Picks the best film to make, exactly and offline.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for module in (run, owner, history, pin, doctor, model, pick, score):
        module.register(app)
    return app


def exit_code(error: GreenlightError) -> Exit:
    """Return the exit code for an error: one for each thing the caller can do about it."""
    codes = {
        "ConfigError": Exit.CONFIGURATION,
        "NoGpio": Exit.NO_GPIO,
        "AlreadyRunning": Exit.ALREADY_RUNNING,
        "NoState": Exit.NO_STATE,
        "JournalTooNew": Exit.JOURNAL_TOO_NEW,
        "JournalError": Exit.NO_STATE,
        "NotRunning": Exit.NOT_RUNNING,
    }
    # By name, so a command that never touches the hardware needn't load what could fail there.
    named = (codes[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in codes)
    return next(named, Exit.FAILED)


def main() -> None:
    """Run a command; an error ends it with one sentence and its own exit code."""
    for stream in (sys.stdout, sys.stderr):
        # What can't be printed must never end a command that was carried out.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        application()()
    except GreenlightError as error:
        print(f"greenlight: {error}", file=sys.stderr)
        raise SystemExit(exit_code(error)) from error
    except Exception as error:
        # The outermost frame: whoever restarts us can distinguish this from a refusal by its code.
        traceback.print_exc()
        raise SystemExit(Exit.FAULT) from error
