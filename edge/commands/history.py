"""`greenlight history`: what was picked, approved and rated."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.commands.options import ConfigOption, JsonOption, StateOption, configured

if TYPE_CHECKING:
    from edge.journal import HistoryEntry

# A table is read from the top; --limit shows more.
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(history)


def history(
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, help=f"How many picks (default: {_SHOWN}; in a CSV, all)."
        ),
    ] = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="All columns, one line for each rating, oldest first.")
    ] = False,
    json: JsonOption = False,
    feedback: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write every rating there, for greenlight-train."),
    ] = None,
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """List picks, newest first, with decisions and ratings."""
    import msgspec

    from edge.journal import JOURNAL, Journal

    # Reading needs no lock, so this works with and without a running appliance.
    with Journal.open(configured(config, state).state / JOURNAL) as journal:
        if feedback is not None:
            _hand_over(journal.feedback(), feedback)
            return
        whole = as_csv and limit is None
        entries = journal.history() if whole else journal.history(limit or _SHOWN)
    if json:
        print(msgspec.json.encode(entries).decode())
    elif as_csv:
        from edge.journal.spreadsheet import as_csv as spreadsheet

        sys.stdout.write(spreadsheet(entries))
    else:
        _print_table(entries)


def _hand_over(ratings: list[tuple[str, bytes]], folder: Path) -> None:
    """Write ratings as the cloud's data bucket holds them; existing files are left alone."""
    from data import topics
    from data.durable import replace_durably
    from data.errors import GreenlightError

    new = 0
    try:
        for feedback_id, payload in ratings:
            path = folder / topics.feedback_object(feedback_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                replace_durably(path, payload)
                new += 1
    except OSError as error:
        raise GreenlightError(f"{folder}: can't be written: {error.strerror}") from error
    place = folder / topics.FEEDBACK_PREFIX
    print(f"{len(ratings):,} ratings are in {place}, {new:,} of them new")


def _print_table(entries: list[HistoryEntry]) -> None:
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
    Console().print(table if entries else "nothing has been picked yet")
