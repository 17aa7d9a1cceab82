"""Prints outcomes and status for people at a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from edge.freshness import no_news

if TYPE_CHECKING:
    from data.domain import Domain
    from edge.appliance import Outcome

_MEGABYTE = 1e6


def print_outcome(outcome: Outcome, domain: Domain, *, as_json: bool) -> None:
    """Print a command's outcome in the domain's words; refusals go to standard error."""
    if as_json:
        print(msgspec.json.encode(outcome).decode())
    elif not outcome.ok:
        print(outcome.error, file=sys.stderr)
    else:
        _print_done(outcome, domain)


def _print_done(outcome: Outcome, domain: Domain) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    if answer := bytes(outcome.answer):
        from edge.search.answer import Answer, SlateAnswer
        from edge.search.show import pick_table, slate_grid

        if "slate" in msgspec.json.decode(answer):
            console.print(slate_grid(msgspec.json.decode(answer, type=SlateAnswer), domain))
        else:
            console.print(pick_table(msgspec.json.decode(answer, type=Answer), domain))
    console.print(Text(outcome.message, style="bold"))


def print_status(reply: dict[str, Any]) -> None:
    """Print the appliance's status, starting with what needs attention."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from data.domain import Domain
    from edge.local_time import local_time

    console = Console()
    for warning in reply.get("warnings", []):
        since = local_time(warning["since"])
        console.print(Text(f"! {warning['sentence']} (since {since})", style="bold yellow"))
    if reply.get("fault"):
        console.print(Text(f"! {reply['fault']}", style="bold red"))
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in _lines(reply, msgspec.convert(reply["domain"], Domain)):
        table.add_row(name, value)
    console.print(table)


def _lines(reply: dict[str, Any], domain: Domain) -> list[tuple[str, str]]:
    from datetime import UTC, datetime

    from edge.page.formatting import sync_summary

    model, pick, outbox = reply.get("model"), reply.get("pick"), reply["outbox"]
    lines = [
        ("thing", reply["thing"]),
        ("state", reply["phase"]),
        ("LED", f"{reply['pattern']}: {reply['meaning']}" if reply.get("meaning") else "off"),
        ("model", _model(model) if model else "none yet"),
    ]
    if pick:
        explored = ", picked to learn from" if pick["explored"] else ""
        named = domain.described(pick["title"], pick["director"], pick["year"])
        lines.append(("pick", f"{named}{explored}"))
    if titles := [
        domain.shown_title(film["title"], film["director"]) for film in reply["awaiting_rating"]
    ]:
        lines.append(("to rate", ", ".join(titles)))
    sync = sync_summary(
        reply["sync"], outbox["waiting"], outbox["quarantined"], datetime.now(UTC), domain
    )
    lines.append(("sync", " ".join((sync.headline, *sync.details))))
    lines.append(("disk free", f"{reply['disk_free_bytes'] / _MEGABYTE:,.0f} MB"))
    return lines


def _model(model: dict[str, Any]) -> str:
    short = model.get("hash", "")[:12]
    days = model.get("days_without_news")
    return f"version {model['version']} {short}".rstrip() + (f"; {no_news(days)}" if days else "")
