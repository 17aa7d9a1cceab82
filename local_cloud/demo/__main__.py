"""`make demo`: the whole story on this machine, each step with its evidence.

Only starts the executables and shows what they say and store.
"""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.table import Table

from local_cloud.demo import exhibits, learning, opening, outage, use
from local_cloud.demo.cast import FILMS, Cast
from local_cloud.demo.stage import Stage, StepFailed

FOLDER = Path("build/demo")


def play(cast: Cast) -> None:
    """Play the whole story, and leave nothing running.

    Raises:
        StepFailed: with the reason, at the first step that does not do what it must.
    """
    with ExitStack() as ending:
        if cast.given_bundle is None:
            opening.films(cast)
            opening.model(cast)
        opening.cloud(cast, ending)
        opening.boot(cast, ending)
        use.update(cast)
        use.press(cast)
        use.feedback(cast)
        outage.outage(cast)
        learning.learning(cast)
        exhibits.show_evidence(cast)
        cast.stage.console.print("\n   [dim]stopping the appliance, sync and the cloud[/]")


def summary(stage: Stage) -> None:
    """Show what was done, and how long it took."""
    table = Table(title="What happened", title_justify="left", box=None, padding=(0, 1))
    table.add_column("step", style="green")
    table.add_column("seconds", justify="right")
    for title, seconds in stage.times:
        table.add_row("✓ " + title, f"{seconds:.1f}")
    stage.console.print()
    stage.console.print(table)
    total = time.monotonic() - stage.started
    stage.console.print(f"\n[bold green]All of it in {total:.0f} s.[/]")
    stage.console.print(f"Logs, bundle, journal and the cloud's state lie in {stage.folder}/.")


def interrupted(number: int, _frame: FrameType | None) -> None:
    """End the story as Ctrl-C does, so that what runs beside it ends too."""
    raise KeyboardInterrupt(signal.Signals(number).name)


def perform(
    folder: Annotated[Path, typer.Option(help="Where everything of the demonstration goes.")] = (
        FOLDER
    ),
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle to begin with, instead of training one.")
    ] = None,
    films: Annotated[
        Path, typer.Option(help="The film table; that of the bundle, if one is given.")
    ] = FILMS,
) -> None:
    """Play the whole story on this machine: train, press, pick, approve, rate, sync, retrain."""
    signal.signal(signal.SIGTERM, interrupted)
    folder.mkdir(parents=True, exist_ok=True)
    stage = Stage(folder)
    cast = Cast(stage, bundle, films)
    try:
        cast.clear()
        play(cast)
    except StepFailed as failed:
        stage.console.print("\n[bold red]The demonstration failed.[/]")
        stage.console.print(str(failed), markup=False)
        stage.console.print(f"Logs and state are in {folder}/.")
        raise typer.Exit(1) from failed
    except KeyboardInterrupt:
        stage.console.print("\nInterrupted; everything that was started has been stopped.")
        raise typer.Exit(130) from None
    summary(stage)


if __name__ == "__main__":
    typer.run(perform)
