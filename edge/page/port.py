"""What the page needs from the appliance: its commands, and what it shows. Runs without pins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from data.catalogue import Catalogue
from edge.appliance import Command, Outcome
from edge.search.slate import Slate

LIGHTS = ("starting", "no_model", "ready", "searching", "deciding", "faulty", "stopping")


class ApplianceStatus(msgspec.Struct, frozen=True):
    """What the appliance is doing right now.

    Attributes:
        light: one of `LIGHTS`: how the page draws the light.
        says: what the light means, in words.
        attention: warnings, one sentence each.
        fault: why nothing works, or None.
        model_version: the active model's, or None without a model.
        demonstration: whether ratings may be drawn from the prediction.
    """

    light: str
    says: str
    thing: str
    attention: tuple[str, ...] = ()
    fault: str | None = None
    model_version: int | None = None
    demonstration: bool = False

    @property
    def searching(self) -> bool:
        """Whether a search is running."""
        return self.light == "searching"


class AppliancePort(Protocol):
    """The appliance as the page sees it. May be called from any thread; no call waits for long."""

    def status(self) -> ApplianceStatus:
        """Return what the appliance is doing."""

    def execute(self, command: Command) -> Outcome:
        """Carry out a command; a search runs on after this has returned, unless it waits."""

    def narrowing(self) -> Slate | None:
        """Return what the next presses choose from; None for the classic 36 films."""

    def catalogue(self) -> Catalogue | None:
        """Return the names the active model knows."""

    def model_folders(self) -> tuple[Path | None, Path | None]:
        """Return the folders of the active and the previous bundle."""

    def has_report(self) -> bool:
        """Return whether the active model came with a report."""

    def report(self) -> bytes | None:
        """Return the active model's report, a signed HTML file; None if it has none.

        Raises:
            BundleRefused: the file on the disk isn't the one that was signed.
        """

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed`, from any thread, after every change worth showing.

        Returns:
            A function that ends the subscription.
        """

    def on_button(self, pressed: Callable[[], None]) -> Callable[[], None]:
        """Call `pressed` whenever someone presses the real button.

        Returns:
            A function that ends the subscription.
        """
