"""What the demonstration's steps share: the programs they run, and their folders."""

from __future__ import annotations

import html
import os
import shutil
import sys
import urllib.request
import webbrowser
from functools import cached_property
from pathlib import Path
from typing import Any

from data import topics
from lambdas.operator.aws import Aws, on_local_cloud
from local_cloud.demo.evidence import CloudEvidence
from local_cloud.demo.runner import Runner, StepFailed
from local_cloud.ports import free_ports
from local_cloud.state import LocalState

FILMS = Path("data/films/movie_ratings_simple.csv")
THING = topics.DEFAULT_THING
# Long enough for a busy two-core machine; waits end as soon as they can.
WAIT_SECONDS = 60.0


class DemoContext:
    """The appliance, the sync service and the cloud, as the steps call them.

    Args:
        runner: runs the programs.
        bundle: a bundle to start with; None trains one.
        films: the film table that the bundle was made from.
    """

    def __init__(self, runner: Runner, bundle: Path | None, films: Path) -> None:
        self.runner = runner
        self.given_bundle = bundle
        self.bundle = bundle or runner.folder / "bundle"
        self.films = films
        self.cloud_folder = runner.folder / "cloud"
        self.thing_folder = runner.folder / "thing"
        self.device = runner.folder / "device"
        self.config = runner.folder / "greenlight.toml"
        self.page_port = free_ports(1)[0]
        self._link = ""

    @property
    def aws(self) -> Aws:
        """Access to the running local cloud through boto3."""
        return on_local_cloud(self.cloud_folder)

    @property
    def logs(self) -> tuple[Path, Path]:
        """The logs that say why something didn't get through the cloud."""
        return self.runner.log("greenlight-sync"), LocalState(self.cloud_folder).log("emulator")

    @cached_property
    def evidence(self) -> CloudEvidence:
        """What the running local cloud has stored."""
        return CloudEvidence(self.cloud_folder, THING)

    def clear(self) -> None:
        """Delete an earlier demonstration's data."""
        if self.cloud_folder.exists():
            self.stop_cloud()
        for old in (
            self.cloud_folder,
            self.thing_folder,
            self.device,
            self.runner.folder / "bundle",
        ):
            shutil.rmtree(old, ignore_errors=True)
        self.device.mkdir(parents=True)

    def greenlight(self, *words: str) -> tuple[str, ...]:
        """Return a command line for the appliance."""
        return ("greenlight", *words, "--config", str(self.config))

    def status(self) -> dict[str, Any]:
        """Return the appliance's status."""
        answer: dict[str, Any] = self.runner.ask(*self.greenlight("status", "--json"))
        return answer

    def sync_status(self) -> dict[str, Any]:
        """Return the state that the sync service has written to the journal."""
        command = (
            "greenlight-sync",
            "status",
            "--json",
            "--config",
            str(self.thing_folder / "sync.toml"),
        )
        answer: dict[str, Any] = self.runner.ask(*command, "--state", str(self.device))
        return answer

    @cached_property
    def interactive(self) -> bool:
        """Whether somebody watches on a terminal, and can take over at the end."""
        return sys.stdin is not None and sys.stdin.isatty() and self.runner.console.is_terminal

    def page_link(self) -> str:
        """Return an address that signs in to the page once."""
        return self.runner.run(*self.greenlight("pin", "--link"), quiet=True).strip()

    def open_page(self) -> None:
        """Open the page in a browser if there is one to open it in; else say where it is."""
        self._link = self.page_link()
        # Without a display a text browser would take over the terminal.
        screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if self.interactive and screen and webbrowser.open(self._link):
            pin = self.runner.run(*self.greenlight("pin"), quiet=True).strip()
            self.runner.show(f"the page is in your browser; its PIN is {pin}")
        else:
            self.runner.show(f"the page, signed in to by this address once: {self._link}")

    def show_page(self) -> None:
        """Show what the page shows, unless somebody can look at it in a browser."""
        if self.interactive:
            return
        jar = urllib.request.HTTPCookieProcessor()
        # Never through a proxy: the page is on this machine.
        browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
        try:
            with browser.open(self._link, timeout=WAIT_SECONDS) as answer:
                page = answer.read().decode()
        except OSError as error:
            raise StepFailed(f"the page at {self._link} doesn't answer: {error}") from error
        title = html.unescape(page.partition("<title>")[2].partition("</title>")[0])
        self.runner.show(f"the page, now signed in: {title}")

    def connection(self) -> str | None:
        """Return the connection's state, as the sync service sees it."""
        state: dict[str, Any] = self.sync_status().get("connection") or {}
        return state.get("state")

    def cloud(self, *words: str) -> tuple[str, ...]:
        """Return a command line for the local cloud."""
        return ("greenlight-cloud", "local", *words, "--local", str(self.cloud_folder))

    def stop_cloud(self) -> None:
        """Stop the local cloud, if it is running."""
        self.runner.run(*self.cloud("stop"), quiet=True)

    def job_succeeded(self) -> bool | None:
        """Return True once the newest job's execution has succeeded."""
        executions = self.evidence.job_executions()
        if any(one["status"] in ("FAILED", "REJECTED", "TIMED_OUT") for one in executions):
            raise StepFailed(f"the job didn't succeed: {executions}")
        done = executions and all(one["status"] == "SUCCEEDED" for one in executions)
        return True if done else None

    def arrives(self, ratings: int) -> None:
        """Wait until the outbox is empty and both stores hold every rating."""

        def empty() -> bool | None:
            return True if self.sync_status()["outbox"]["waiting"] == 0 else None

        self.runner.until("the cloud to confirm every rating", empty, WAIT_SECONDS, *self.logs)
        items, objects = self.evidence.items(), self.evidence.objects()
        if not len(items) == len(objects) == ratings:
            raise StepFailed(
                f"{ratings} ratings were given, but the table holds {len(items)} "
                f"and the bucket {len(objects)}"
            )
        self.runner.show(
            f"outbox empty · {len(items)} items in the table · {len(objects)} objects in the bucket"
        )
