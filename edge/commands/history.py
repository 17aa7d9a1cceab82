"""`greenlight history`: what was picked, approved and rated."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from edge.commands.options import ConfigOption, JsonOption, StateOption, configured

if TYPE_CHECKING:
    from edge.journal import HistoryEntry

COLUMNS = (
    "pick_id",
    "made_at",
    "title",
    "director",
    "year",
    "genres",
    "expected",
    "decision",
    "stars",
    "source",
    "rated_at",
    "delivery",
    "model_version",
    "explored",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(history)


def history(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many picks.")] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="All columns, one line a rating.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """List picks, newest first, with what became of them."""
    import msgspec

    from edge.journal import JOURNAL, Journal

    # Reading disturbs nobody, so this needs no running appliance and asks none.
    with Journal.open(configured(config, state).state / JOURNAL) as journal:
        entries = journal.history(limit)
    if json:
        print(msgspec.json.encode(entries).decode())
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(COLUMNS)
        for entry in entries:
            writer.writerows(rows(entry))
    else:
        _tell(entries)


def rows(entry: HistoryEntry) -> list[list[object]]:
    """Return a pick's lines of the CSV: one for each rating, or one without."""
    pick = entry.pick
    start: list[object] = [pick.id, pick.made_at, pick.title, pick.director, pick.year]
    start += ["|".join(pick.genres), pick.prediction.expected, entry.decision or ""]
    ratings = [[r.stars, r.source, r.rated_at, r.delivery] for r in entry.ratings]
    end: list[object] = [pick.model_version, "yes" if pick.explored else "no"]
    return [[*start, *rating, *end] for rating in ratings or [[""] * 4]]


def _tell(entries: list[HistoryEntry]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column("made", no_wrap=True)
    for name in ("film", "director", "year", "genres", "expected", "rated"):
        table.add_column(name)
    for entry in entries:
        pick = entry.pick
        rated = ", ".join(f"{r.stars} ({r.source}, {r.delivery})" for r in entry.ratings)
        table.add_row(
            pick.made_at[:16].replace("T", " "),
            pick.title,
            pick.director,
            str(pick.year),
            " · ".join(pick.genres),
            f"{pick.prediction.expected:.2f}" + (" explored" if pick.explored else ""),
            rated or entry.decision or "-",
        )
    Console().print(table if entries else "nothing was picked yet")
