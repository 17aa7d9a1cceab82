"""What all executables have in common: `--version`, `-h`, completion, `--json`, exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import metadata
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from data.errors import GreenlightError
from data.exits import Exit


def _show_version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        typer.echo(f"{context.info_name} {metadata.version('greenlight')}")
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, also on failure.")
]
# Translates a library's exception for the user; None if it is unexpected.
Explain = Callable[[Exception], GreenlightError | None]


class Failure(msgspec.Struct, frozen=True):
    """What a command prints with `--json` when it fails.

    Attributes:
        error: one sentence for people.
        exit_code: of the process; see data.exits.
    """

    error: str
    exit_code: int
    ok: bool = False


def application(name: str, summary: str) -> typer.Typer:
    """Return a command line without commands, with `--version`, `-h` and shell completion."""
    app = typer.Typer(
        name=name,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(help=summary)
    def options(version: VersionOption = False) -> None: ...

    return app


def print_json(record: object) -> None:
    """Print a record as one JSON document."""
    typer.echo(msgspec.json.encode(record))


def run(app: typer.Typer, name: str, explain: Explain = lambda _: None) -> None:
    """Run the command line and end the process.

    A failure is one sentence on stderr, or with `--json` one document on stdout, and the exit
    code of its error; an unexpected one also leaves its traceback on stderr.
    """
    for stream in (sys.stdout, sys.stderr):
        # Unprintable characters must never fail a command that was carried out.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        _run(app, name, explain)
    finally:
        _close_output()


def _run(app: typer.Typer, name: str, explain: Explain) -> NoReturn:
    command = typer.main.get_command(app)
    as_json = _asks_for_json(command, sys.argv[1:])
    try:
        # Without --json wrong usage is explained with the command's own usage line.
        code = command.main(prog_name=name, standalone_mode=not as_json)
    except typer.Abort:
        _fail("aborted", Exit.FAILED, name, as_json)
    except GreenlightError as error:
        _fail(str(error), error.exit_code, name, as_json)
    except Exception as error:
        wrong_usage = getattr(error, "format_message", None)
        if wrong_usage is not None:
            _fail(wrong_usage(), Exit.USAGE, name, as_json)
        explained = explain(error)
        if explained is not None:
            _fail(str(explained), explained.exit_code, name, as_json)
        # A distinct exit code, so that systemd can tell this from a refusal.
        traceback.print_exc()
        if as_json:
            print_json(Failure(f"unexpected error: {error!r}", Exit.FAULT))
        raise SystemExit(Exit.FAULT) from error
    raise SystemExit(code if isinstance(code, int) else Exit.OK)


def _close_output() -> None:
    """Flush the output, or discard it if no one reads it any more.

    Python would try again while it exits, fail, and end with 120 instead of the command's code.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


def _fail(reason: str, code: int, name: str, as_json: bool) -> NoReturn:
    if as_json:
        print_json(Failure(reason, code))
    else:
        typer.echo(f"{name}: {reason}", err=True)
    raise SystemExit(code)


def _asks_for_json(command: Any, words: Sequence[str]) -> bool:
    """Return whether the command that these words name has a `--json` flag, and it is given."""
    for word in words:
        # Typer has its own copy of click, so its classes can't be named here.
        command = getattr(command, "commands", {}).get(word, command)
    flags = [one for one in command.params if getattr(one, "is_flag", False)]
    return "--json" in words and any("--json" in flag.opts for flag in flags)
