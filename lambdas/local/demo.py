"""`make demo`: the whole story on this machine, each step with its evidence.

Only starts the executables and shows what they say and store.
"""

from __future__ import annotations

import json
import shutil
import signal
import time
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.table import Table

from data import topics
from lambdas.local.evidence import Evidence
from lambdas.local.stage import Stage, StepFailed

FOLDER = Path("build/demo")
FILMS = Path("data/films/movie_ratings_simple.csv")
THING = topics.DEFAULT_THING
# Long enough for a busy two-core machine; nothing waits longer than it must.
PATIENCE_SECONDS = 60.0


class Demo:
    """The story's steps, in order.

    Args:
        bundle: a bundle to begin with; None trains one.
    """

    def __init__(self, stage: Stage, bundle: Path | None = None) -> None:
        self.stage = stage
        self.given_bundle = bundle
        self.bundle = bundle or stage.folder / "bundle"
        self.cloud_folder = stage.folder / "cloud"
        self.thing_folder = stage.folder / "thing"
        self.device = stage.folder / "device"
        self.config = stage.folder / "greenlight.toml"
        self.model_hash = ""

    @cached_property
    def evidence(self) -> Evidence:
        """What the running local cloud holds."""
        return Evidence(self.cloud_folder, THING)

    def clear(self) -> None:
        """Remove what an earlier demonstration left."""
        if self.cloud_folder.exists():
            self.stop_cloud()
        for old in (
            self.cloud_folder,
            self.thing_folder,
            self.device,
            self.stage.folder / "bundle",
        ):
            shutil.rmtree(old, ignore_errors=True)
        self.device.mkdir(parents=True)

    # ---------------------------------------------------------------- the parts

    def greenlight(self, *words: str) -> tuple[str, ...]:
        """Return a command to the appliance."""
        return ("greenlight", *words, "--config", str(self.config))

    def status(self) -> dict[str, Any]:
        """Return what the appliance says of itself."""
        answer: dict[str, Any] = self.stage.ask(*self.greenlight("status", "--json"))
        return answer

    def sync_status(self) -> dict[str, Any]:
        """Return what the sync service has written into the journal."""
        command = (
            "greenlight-sync",
            "status",
            "--json",
            "--config",
            str(self.thing_folder / "sync.toml"),
        )
        answer: dict[str, Any] = self.stage.ask(*command, "--state", str(self.device))
        return answer

    # ---------------------------------------------------------------- the steps

    def films(self) -> None:
        """Build the film table."""
        with self.stage.step("The film table, from the sample"):
            self.stage.run("greenlight-train", "dataset", "--source", "sample", "--out", str(FILMS))

    def model(self) -> None:
        """Train, convert, check and sign."""
        with self.stage.step("A model: trained, converted to ONNX, checked on every row, signed"):
            self.stage.run(
                "greenlight-train", "export", "--source", "sample", "--out", str(self.bundle)
            )
            self.stage.run("greenlight-train", "verify", str(self.bundle))

    def cloud(self, ending: ExitStack) -> None:
        """Start the local cloud, and make a thing."""
        with self.stage.step("The cloud on this desk, and a thing with its certificate"):
            ending.callback(self.stop_cloud)
            self.stage.run(
                "python", "-m", "lambdas.local", "start", "--state", str(self.cloud_folder)
            )
            self.stage.run(
                *("python", "-m", "lambdas.provision", THING),
                *("--out", str(self.thing_folder), "--desk", str(self.cloud_folder)),
            )

    def stop_cloud(self) -> None:
        """Stop the local cloud, whether it runs or not."""
        self.stage.run(
            "python", "-m", "lambdas.local", "stop", "--state", str(self.cloud_folder), quiet=True
        )

    def boot(self, ending: ExitStack) -> None:
        """Start the appliance on mock pins, and the sync service."""
        with self.stage.step(
            "The appliance boots on simulated pins, without a model; sync beside it"
        ):
            self.config.write_text(
                f'thing = "{THING}"\n'
                f'state = "{self.device.name}"\n'
                f'public_keys = "{self.thing_folder.name}/public-keys"\n'
                "demonstration = true\n"
                "page = false\n"
            )
            appliance = ending.enter_context(
                self.stage.beside("greenlight", *self.greenlight("run", "--simulate"))
            )

            def answers() -> bool | None:
                self.stage.alive("greenlight", appliance)
                return True if (self.device / "control.sock").exists() else None

            self.stage.until("the appliance answers", answers, PATIENCE_SECONDS)
            sync = ending.enter_context(
                self.stage.beside(
                    *("greenlight-sync", "greenlight-sync", "run"),
                    *(
                        "--config",
                        str(self.thing_folder / "sync.toml"),
                        "--state",
                        str(self.device),
                    ),
                )
            )

            def online() -> bool | None:
                self.stage.alive("greenlight-sync", sync)
                return True if self.connection() == "online" else None

            self.stage.until("sync is online over mutual TLS", online, PATIENCE_SECONDS)
            self.stage.run(*self.greenlight("status"))

    def connection(self) -> str | None:
        """Return the connection's state, as the sync service sees it."""
        state: dict[str, Any] = self.sync_status().get("connection") or {}
        return state.get("state")

    def update(self) -> None:
        """Publish the bundle; the job brings it to the appliance."""
        with self.stage.step("The model is published; an IoT Job brings it to the appliance"):
            self.stage.run(
                *("python", "-m", "lambdas.publish", str(self.bundle)),
                *("--desk", str(self.cloud_folder), "--thing", THING),
            )

            def active() -> str | None:
                model = self.status().get("model") or {}
                return model.get("hash")

            self.model_hash = self.stage.until("the model answers", active, PATIENCE_SECONDS)
            self.stage.until("the job has succeeded", self.job_succeeded, PATIENCE_SECONDS)
            self.stage.run(*self.greenlight("status"))

    def job_succeeded(self) -> bool | None:
        """Return True once the newest job's execution has succeeded."""
        executions = self.evidence.job_executions()
        if any(one["status"] in ("FAILED", "REJECTED", "TIMED_OUT") for one in executions):
            raise StepFailed(f"the job did not succeed: {executions}")
        done = executions and all(one["status"] == "SUCCEEDED" for one in executions)
        return True if done else None

    def press(self) -> None:
        """Press, look, hold, rate: once by the owner, once simulated."""
        with self.stage.step("The button is pressed: 36 candidates, scored in one call"):
            self.stage.run(*self.greenlight("press"))
        with self.stage.step("The button is held for 3 s: approved; the owner rates the film"):
            self.stage.run(*self.greenlight("hold", "3"))
            self.stage.run(*self.greenlight("rate", "8"))
            seen = self.stage.said("greenlight", "led:")
            self.stage.show("the LED so far: " + " → ".join(dict.fromkeys(seen)))
        with self.stage.step("Once more, with a rating drawn from the prediction"):
            self.stage.run(*self.greenlight("press"), quiet=True)
            self.stage.run(*self.greenlight("hold", "3"))
            self.stage.run(*self.greenlight("rate", "--simulated"))

    def arrives(self, ratings: int) -> None:
        """Wait until the outbox is empty and both stores hold every rating."""

        def empty() -> bool | None:
            return True if self.sync_status()["outbox"]["waiting"] == 0 else None

        self.stage.until("the cloud has confirmed every rating", empty, PATIENCE_SECONDS)
        items, objects = self.evidence.items(), self.evidence.objects()
        if not len(items) == len(objects) == ratings:
            raise StepFailed(
                f"{ratings} ratings were given, but the table holds {len(items)} "
                f"and the bucket {len(objects)}"
            )
        self.stage.show(
            f"outbox empty · {len(items)} items in the table · {len(objects)} objects in the bucket"
        )

    def feedback(self) -> None:
        """Journal, outbox, topic, function, both stores, ack; and a verification."""
        with self.stage.step("Journal -> outbox -> filmupdate -> function -> both stores -> ack"):
            self.arrives(2)
        with self.stage.step("The cloud's scikit-learn pipeline scores the same picks"):
            agreed = self.stage.until("the scores agree", self.verified, PATIENCE_SECONDS)
            self.stage.show(json.dumps(agreed))

    def verified(self) -> dict[str, Any] | None:
        """Return the last verification once it has agreed."""
        found: dict[str, Any] = self.sync_status().get("verification") or {}
        if found.get("outcome") in ("differed", "failed"):
            raise StepFailed(f"the verification {found['outcome']}: {found}")
        return found if found.get("outcome") == "agreed" else None

    def outage(self) -> None:
        """Cut the network, rate two more films, restore it."""
        with self.stage.step("The network is cut; two more films are made and rated offline"):
            self.stage.run(
                "python", "-m", "lambdas.local", "offline", "--state", str(self.cloud_folder)
            )
            self.stage.until(
                "sync has noticed",
                lambda: None if self.connection() == "online" else True,
                PATIENCE_SECONDS,
            )
            for stars in ("9", "4"):
                self.stage.run(*self.greenlight("press"), quiet=True)
                self.stage.run(*self.greenlight("approve"))
                self.stage.run(*self.greenlight("rate", stars))
            waiting = self.sync_status()["outbox"]["waiting"]
            if waiting != 2:
                raise StepFailed(f"2 ratings should wait in the outbox; {waiting} do")
            self.stage.show(f"{waiting} ratings wait in the journal")
        with self.stage.step("The network is back: everything arrives, exactly once"):
            self.stage.run(
                "python", "-m", "lambdas.local", "online", "--state", str(self.cloud_folder)
            )
            self.arrives(4)

    def show_evidence(self) -> None:
        """Show an item, its object, the job, the shadow, and the journal."""
        with self.stage.step("The evidence"):
            item = self.evidence.items()[0]
            self.exhibit(f"item in the table {self.evidence.table}", item)
            key = topics.feedback_object(item["id"])
            self.exhibit(f"object {key}", self.evidence.content(key))
            for job in self.evidence.job_executions():
                details = job.get("statusDetails", {}).get("detailsMap", {})
                self.exhibit(f"job {job['jobId']}", {"status": job["status"], **details})

            def settled() -> dict[str, Any] | None:
                reported = self.evidence.reported()
                return reported if reported["outbox_depth"] == 0 else None

            shadow = self.stage.until("the shadow reports it", settled, PATIENCE_SECONDS)
            self.exhibit("shadow, reported", shadow)
            self.stage.show("", "the journal:")
            self.stage.run(*self.greenlight("history"))

    def exhibit(self, name: str, fields: dict[str, Any]) -> None:
        """Show one piece of evidence, field by field."""
        self.stage.console.print(f"\n   [green]{name}[/]", soft_wrap=True)
        table = Table(show_header=False, box=None, padding=(0, 1), pad_edge=False)
        for field, value in fields.items():
            table.add_row("    ", f"[dim]{field}[/]", str(value))
        self.stage.console.print(table)

    def play(self) -> None:
        """Play the whole story, and leave nothing running.

        Raises:
            StepFailed: with the reason, at the first step that does not do what it must.
        """
        with ExitStack() as ending:
            if self.given_bundle is None:
                self.films()
                self.model()
            self.cloud(ending)
            self.boot(ending)
            self.update()
            self.press()
            self.feedback()
            self.outage()
            self.show_evidence()
            self.stage.console.print("\n   [dim]stopping the appliance, sync and the cloud[/]")


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
) -> None:
    """Play the whole story on this machine: train, press, pick, approve, rate, sync, update."""
    signal.signal(signal.SIGTERM, interrupted)
    folder.mkdir(parents=True, exist_ok=True)
    stage = Stage(folder)
    demo = Demo(stage, bundle)
    try:
        demo.clear()
        demo.play()
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
