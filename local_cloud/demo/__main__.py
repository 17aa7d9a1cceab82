"""`make demo`: the whole story on this machine, each step with its evidence.

It only starts the executables, and shows what they print and store.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.table import Table

from local_cloud.demo import steps
from local_cloud.demo.context import FILMS, DemoContext
from local_cloud.demo.runner import Runner, StepFailed

FOLDER = Path("build/demo")
WHAT_COMES = (
    "[bold]What comes, in two to three minutes:[/] a model is trained and signed; a local cloud "
    "starts; an appliance boots without a model and gets it; its button is pressed, the film "
    "approved and rated; the network is cut and restored; a retraining must prove its model "
    "better; the new one arrives."
)


def play(context: DemoContext) -> None:
    """Run all steps, and leave nothing running.

    Raises:
        StepFailed: with the reason, at the first step that fails.
    """
    with ExitStack() as ending:
        if context.given_bundle is None or not context.films.exists():
            steps.films(context)
        if context.given_bundle is None:
            steps.model(context)
        steps.cloud(context, ending)
        steps.boot(context, ending)
        steps.update(context)
        steps.press(context)
        steps.feedback(context)
        steps.outage(context)
        steps.learning(context)
        steps.show_evidence(context)
        if context.interactive:
            your_turn(context)
        context.runner.console.print("\n   [dim]stopping the appliance, sync and the cloud[/]")


def your_turn(context: DemoContext) -> None:
    """Leave everything running until the owner has played enough."""
    say = context.runner.console.print
    say("\n[bold green]Your turn.[/] Everything is still running: appliance, sync and cloud.\n")
    context.runner.show(f"the page, signed in to once: {context.page_link()}")
    for words in ("press", "approve", "rate 8.5", "status", "history"):
        context.runner.show(f".venv/bin/greenlight {words} --config {context.config}")
    say("\n   Enter or Ctrl-C ends it.")
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.readline()


def summary(runner: Runner) -> None:
    """Show what was done, and how long it took."""
    table = Table(title="What happened", title_justify="left", box=None, padding=(0, 1))
    table.add_column("step", style="green")
    table.add_column("seconds", justify="right")
    for title, seconds in runner.times:
        table.add_row("✓ " + title, f"{seconds:.1f}")
    runner.console.print()
    runner.console.print(table)
    total = time.monotonic() - runner.started
    runner.console.print(f"\n[bold green]All of it in {total:.0f} s.[/]")
    runner.console.print(f"Logs, bundle, journal and the cloud's state are in {runner.folder}/.")


def interrupted(number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that background processes end too."""
    raise KeyboardInterrupt(signal.Signals(number).name)


def demonstrate(
    folder: Annotated[Path, typer.Option(help="The demonstration's folder.")] = (FOLDER),
    bundle: Annotated[
        Path | None, typer.Option(help="A bundle to start with, instead of training one.")
    ] = None,
    films: Annotated[
        Path, typer.Option(help="The film table; the bundle's, if one is given.")
    ] = FILMS,
) -> None:
    """Run the whole story on this machine: train, press, pick, approve, rate, sync, retrain."""
    signal.signal(signal.SIGTERM, interrupted)
    folder.mkdir(parents=True, exist_ok=True)
    runner = Runner(folder)
    context = DemoContext(runner, bundle, films)
    runner.console.print(WHAT_COMES)
    try:
        context.clear()
        play(context)
    except StepFailed as failed:
        runner.console.print("\n[bold red]The demonstration failed.[/]")
        runner.console.print(str(failed), markup=False)
        runner.console.print(f"Logs and state are in {folder}/.")
        raise typer.Exit(1) from failed
    except KeyboardInterrupt:
        runner.console.print("\nInterrupted; everything that was started has been stopped.")
        raise typer.Exit(130) from None
    summary(runner)


if __name__ == "__main__":
    typer.run(demonstrate)
