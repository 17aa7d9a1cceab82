"""Replies of the appliance, told to a person at a terminal."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from edge.search.answer import Answer, ClassicAnswer
from edge.search.show import classic_grid, pick_table

_MEGABYTE = 1e6


def tell_outcome(reply: dict[str, Any]) -> None:
    """Show what came of a press, an approval or a rating."""
    console = Console()
    answer = reply.get("answer")
    if answer:
        console.print(_answer(answer))
    console.print(Text(str(reply.get("message", "")), style="bold"))


def _answer(answer: dict[str, Any]) -> RenderableType:
    if "slate" in answer:
        return classic_grid(msgspec.convert(answer, ClassicAnswer))
    return pick_table(msgspec.convert(answer, Answer))


def tell_status(reply: dict[str, Any]) -> None:
    """Show how the appliance is, what needs a person first."""
    console = Console()
    for sentence in reply.get("attention", []):
        console.print(Text(f"! {sentence}", style="bold yellow"))
    if reply.get("fault"):
        console.print(Text(f"! {reply['fault']}", style="bold red"))
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in _lines(reply):
        table.add_row(name, value)
    console.print(table)


def _lines(reply: dict[str, Any]) -> list[tuple[str, str]]:
    model, pick, outbox = reply.get("model"), reply.get("pick"), reply["outbox"]
    lines = [
        ("thing", reply["thing"]),
        ("state", reply["phase"]),
        ("LED", f"{reply['pattern']}: {reply['meaning']}" if reply.get("meaning") else "off"),
        ("model", _model(model) if model else "none yet"),
    ]
    if pick:
        explored = ", drawn to learn from" if pick["explored"] else ""
        lines.append(("pick", f"{pick['title']} by {pick['director']}, {pick['year']}{explored}"))
    if titles := [film["title"] for film in reply["awaiting_rating"]]:
        lines.append(("to rate", ", ".join(titles)))
    quarantined = f", {outbox['quarantined']} refused" if outbox["quarantined"] else ""
    lines.append(("ratings to send", f"{outbox['waiting']}{quarantined}"))
    connection = reply["sync"].get("connection")
    state = connection.get("state", "unknown") if isinstance(connection, dict) else "never seen"
    lines.append(("sync service", state))
    lines.append(("disk free", f"{reply['disk_free_bytes'] / _MEGABYTE:,.0f} MB"))
    return lines


def _model(model: dict[str, Any]) -> str:
    short = model.get("hash", "")[:12]
    return f"version {model['version']} {short}".rstrip()
