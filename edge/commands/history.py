"""`greenlight history`: what was picked, approved and rated."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.commands.options import ConfigOption, JsonOption, StateOption, configured

if TYPE_CHECKING:
    from data.domain import Domain
    from edge.journal import HistoryEntry

# Enough to read at a glance; --limit shows more.
_SHOWN = 20
# As on the page, in one word.
_DELIVERY = {"waiting": "waiting", "stored": "stored", "quarantined": "rejected"}


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

    from edge.appliance.state_folder import check_is_state_folder
    from edge.journal import JOURNAL, Journal
    from edge.models.active_domain import active_domain

    folder = configured(config, state).state
    check_is_state_folder(folder)
    _check_is_the_journal(folder)
    # Reading needs no lock, so this works with and without a running appliance.
    with contextlib.ExitStack() as stack:
        kept = folder
        if not (folder / JOURNAL).exists():
            # Nothing has ever been picked; a query doesn't create a journal.
            kept = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        journal = stack.enter_context(Journal.open(kept / JOURNAL))
        if feedback is not None:
            _hand_over(journal.feedback(), feedback)
            return
        whole = as_csv and limit is None
        entries = journal.history() if whole else journal.history(limit or _SHOWN)
    if json:
        print(msgspec.json.encode(entries).decode())
    elif as_csv:
        from edge.journal.spreadsheet import as_csv as spreadsheet

        sys.stdout.write(spreadsheet(entries, active_domain(folder)))
    else:
        _print_table(entries, active_domain(folder))


def _check_is_the_journal(folder: Path) -> None:
    """Refuse to show less than was confirmed: a journal that isn't the appliance's, or none.

    Raises:
        JournalReplaced: its files were removed or replaced.
    """
    from edge.appliance import client
    from edge.journal import JOURNAL, JournalReplaced, asides, identities

    path = folder / JOURNAL
    with contextlib.suppress(client.NotRunning, client.NoAnswer):
        running = client.ask(folder, "status")
        if running["ok"] and running["journal_files"] != identities(path):
            raise JournalReplaced(
                f"{path}: isn't the file that the appliance writes into;"
                " `greenlight doctor` says what to do"
            )
        return
    if not path.exists() and (kept := asides(path)):
        raise JournalReplaced(
            f"{path}: is missing; the next start of the appliance recovers {kept[0].name}"
        )


def _hand_over(ratings: list[tuple[str, bytes]], folder: Path) -> None:
    """Write ratings as they are in the cloud's data bucket; existing files are left alone."""
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


def _print_table(entries: list[HistoryEntry], domain: Domain) -> None:
    """Print one line per film, even in 80 columns; only the CSV has what doesn't fit."""
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table

    zone = datetime.now().astimezone().tzinfo
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    table.add_column(f"made ({zone})", no_wrap=True, min_width=12)
    if domain.words.titles:
        table.add_column(domain.words.thing, no_wrap=True, ratio=5)
    table.add_column(domain.choice.word, no_wrap=True, ratio=4)
    if domain.ordinal:
        table.add_column(domain.ordinal.word, no_wrap=True, min_width=4)
    if domain.tags:
        table.add_column(domain.tags.words, no_wrap=True, ratio=3)
    table.add_column("exp.", no_wrap=True, min_width=4)
    table.add_column("rated", no_wrap=True, min_width=12)
    for entry in entries:
        pick = entry.pick
        rated = ", ".join(
            f"{domain.given_outcome(r.stars, r.rating)}{'~' if r.corrections else ''}"
            f" {_DELIVERY[r.delivery]}"
            for r in entry.ratings
        )
        if entry.withdrawal is not None:
            rated = ", ".join(
                filter(None, [rated, f"withdrawn, {_DELIVERY[entry.withdrawal.delivery]}"])
            )
        made = datetime.fromisoformat(pick.made_at).astimezone(zone)
        table.add_row(
            f"{made:%d %b %H:%M}" if made.year == datetime.now(zone).year else f"{made:%Y-%m-%d}",
            *([pick.title] if domain.words.titles else []),
            pick.director,
            *([domain.shown_ordinal(pick.year)] if domain.ordinal else []),
            *(["/".join(pick.genres)] if domain.tags else []),
            domain.shown_outcome(pick.prediction.expected) + ("*" if pick.explored else ""),
            rated or entry.decision or "-",
        )
    console = Console()
    if not entries:
        console.print("nothing has been picked yet: press the button, or `greenlight press`")
        return
    console.print(table)
    if any(entry.pick.explored for entry in entries):
        console.print("* picked to learn from", style="dim")
    if any(rating.corrections for entry in entries for rating in entry.ratings):
        console.print("~ corrected", style="dim")
