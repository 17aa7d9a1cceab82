"""What the command line shows: one progress bar for a run, and closing summaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from training.export import Tell


@contextmanager
def progress(console: Console, title: str) -> Iterator[Tell]:
    """Show how far a run has come; yields what to tell each step and share to.

    Without a terminal each step becomes a line, so that logs show progress too.
    """
    bar = Progress(
        TextColumn("[bold]{task.fields[title]}"),
        BarColumn(complete_style="green"),
        TextColumn("{task.percentage:>3.0f}%  {task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("begin", total=1.0, title=title)

        def tell(step: str, done: float) -> None:
            bar.update(task, description=step, completed=done)
            if not console.is_terminal:
                console.print(f"{title}: {done:>4.0%} {step}")

        yield tell


def summary(console: Console, title: str, facts: Mapping[str, object]) -> None:
    """Show facts as a table of two columns."""
    table = Table(title=title, show_header=False, title_justify="left", title_style="bold")
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, str(value))
    console.print(table)
