"""The command line of the sync service."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cloud_sync.board import CopiedCard, accept_board
from cloud_sync.config import SyncConfig, check_files, read
from data import command_line
from data.command_line import JsonOption, print_json
from data.errors import GreenlightError
from data.exits import Exit
from data.notify import Watchdog, notify_systemd

if TYPE_CHECKING:
    from edge.journal import Journal

# Where `greenlight-setup connect` puts it, and where the unit looks for it.
DEFAULT_CONFIG = Path("/etc/greenlight/sync/sync.toml")
# `once` reports everything it changed before it ends, and somebody waits for it to connect.
_ONCE_REPORT_SECONDS = 0.5
_ONCE_RETRY_SECONDS = 1.0

app = command_line.application(
    "greenlight-sync",
    "Synchronises the appliance with AWS: feedback up, models down, verification.",
)
_out = Console()
_err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="GREENLIGHT_SYNC_CONFIG", help="The TOML file.")
]
StateOption = Annotated[
    Path | None, typer.Option("--state", help="Overrides the file's state folder.")
]


class StateUnusable(GreenlightError):
    """The state folder or its journal can't be used."""

    exit_code = Exit.NO_STATE


class NotFinished(GreenlightError):
    """Not everything that was pending could be done in time."""

    exit_code = Exit.NOT_RUNNING


@app.command()
def run(config: ConfigOption = DEFAULT_CONFIG, state: StateOption = None) -> None:
    """Run until stopped (SIGTERM, SIGINT, or its terminal is closed)."""
    settings = _config(config, state, identity=True)
    _log_to_stderr()
    with _stopped_by_signal() as stop, _state_errors():
        from cloud_sync.assembly import assembled

        watchdog = Watchdog()

        def feed_watchdog() -> bool:
            if service.is_fresh():
                watchdog.feed()
            return False

        with assembled(settings) as service:
            notify_systemd("READY=1")
            service.run(stop, feed_watchdog)
            notify_systemd("STOPPING=1")


@app.command()
def once(
    config: ConfigOption = DEFAULT_CONFIG,
    state: StateOption = None,
    timeout: Annotated[float, typer.Option(help="Give up after this many seconds.")] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Connect, do everything that is pending, report, and disconnect."""
    settings = _config(config, state, identity=True)
    settings = dataclasses.replace(
        settings,
        report_interval_seconds=min(settings.report_interval_seconds, _ONCE_REPORT_SECONDS),
        retry_base_seconds=min(settings.retry_base_seconds, _ONCE_RETRY_SECONDS),
    )
    _log_to_stderr()
    deadline = time.monotonic() + timeout
    with _stopped_by_signal() as stop, _state_errors():
        from cloud_sync.assembly import assembled

        with assembled(settings) as service:
            service.run(stop, lambda: service.status()[0] or time.monotonic() > deadline)
            settled, reason = service.status()
    if not settled:
        raise NotFinished(f"not finished in {timeout:g} s: {reason}")
    if as_json:
        print_json({"ok": True})


@app.command()
def status(
    config: ConfigOption = DEFAULT_CONFIG,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the state of synchronising, as the journal has it."""
    settings = _config(config, state)
    with _journal(settings) as journal:
        waiting, oldest = journal.outbox_depth()
        known = {
            "thing": settings.thing,
            "outbox": {
                "waiting": waiting,
                "oldest": oldest,
                "quarantined": journal.quarantined_count(),
            },
            "pending_requests": len(journal.pending_requests()),
            **journal.sync_state(),
        }
    if as_json:
        print_json(known)
        return
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in known.items():
        text = value if isinstance(value, str) else ", ".join(_shown(value))
        table.add_row(name, text)
    _out.print(table)


@app.command()
def retry(
    config: ConfigOption = DEFAULT_CONFIG,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send rejected ratings again, once the reason for the rejection is fixed.

    The cloud checks each one again; if it still rejects one, that one is set aside again.
    """
    with _journal(_config(config, state)) as journal:
        count = journal.retry_quarantined()
    if as_json:
        print_json({"ratings": count})
    elif not count:
        typer.echo("no rating was rejected")
    else:
        typer.echo(
            "1 rating will be sent again" if count == 1 else f"{count} ratings will be sent again"
        )


@app.command()
def new_board(
    config: ConfigOption = DEFAULT_CONFIG,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that this board has replaced the one before; a copied card needs `connect` instead."""
    settings = _config(config, state, identity=True)
    with _journal(settings) as journal:
        accept_board(journal, settings.certificate)
    if as_json:
        print_json({"ok": True})
        return
    typer.echo("this board is the device from now on: `sudo systemctl restart greenlight-sync`")


@app.command()
def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every part that synchronising needs, and suggest a fix for each failure."""
    from cloud_sync.doctor import examine
    from data.findings import lines

    settings = _config(config, state)
    _err.print("The broker allows one connection per thing, so this interrupts a running service.")
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            typer.echo("\n".join(lines([finding])))
    if as_json:
        print_json(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(Exit.FAILED)


def _shown(value: object) -> Iterator[str]:
    entries = value.items() if isinstance(value, dict) else [("", value)]
    for name, entry in entries:
        if entry is not None and entry != "":
            yield f"{name} {entry}".strip()


def _config(path: Path, state: Path | None, identity: bool = False) -> SyncConfig:
    config = read(path, state)
    if identity:
        check_files(config, path)
    return config


@contextlib.contextmanager
def _journal(config: SyncConfig) -> Iterator[Journal]:
    from edge.journal import JOURNAL, Journal

    path = config.state / JOURNAL
    if not path.exists():
        raise StateUnusable(f"{path}: is missing; start the appliance once")
    with _state_errors(), Journal.open(path) as journal:
        yield journal


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="greenlight-sync: %(message)s")
    # Credentials pass through these loggers; keep them out of the log.
    for name in ("boto3", "botocore", "urllib3", "s3transfer"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextlib.contextmanager
def _stopped_by_signal() -> Iterator[threading.Event]:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Under `nohup` a closed terminal is ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop.set())
    yield stop


@contextlib.contextmanager
def _state_errors() -> Iterator[None]:
    try:
        yield
    except CopiedCard as error:
        _err.print(f"greenlight-sync: {error}")
        raise typer.Exit(error.exit_code) from error
    except (GreenlightError, OSError) as error:
        raise StateUnusable(str(error)) from error
