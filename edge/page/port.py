"""What the page asks of the appliance: a narrow door; the page runs without pins or model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from data.catalogue import Catalogue
from data.errors import GreenlightError
from edge.appliance.machine import Phase
from edge.search.slate import Slate


class Declined(GreenlightError):
    """The appliance cannot do this now; the message says why, for the owner."""


class ApplianceStatus(msgspec.Struct, frozen=True):
    """How the appliance stands at this moment.

    Attributes:
        says: what the LED says, in words.
        attention: what wants to be read, a sentence each.
        fault: why nothing works, or None.
        model_version: of the model that answers, or None while there is none.
        demonstration: whether ratings may be drawn from the prediction.
    """

    phase: Phase
    says: str
    thing: str
    attention: tuple[str, ...] = ()
    fault: str | None = None
    model_version: int | None = None
    demonstration: bool = False


class AppliancePort(Protocol):
    """The appliance as the page sees it. May be called from any thread; no call waits for long."""

    def status(self) -> ApplianceStatus:
        """Return how the appliance stands."""

    def press(self) -> None:
        """Do what a short press does; the search runs on after this has returned.

        Raises:
            Declined: it cannot be done now.
        """

    def approve(self, pick_id: str) -> None:
        """Approve this pick, if it is still the one that waits.

        Raises:
            Declined: it waits no more, or never did.
        """

    def rate(self, pick_id: str, stars: int, rating: float | None) -> None:
        """Write down what an approved film got; when this returns it is on the disk.

        Raises:
            Declined: this pick awaits no rating.
            InvalidRecord: naming the field.
        """

    def synchronise(self) -> None:
        """Ask the sync service to connect and verify now.

        Raises:
            Declined: it cannot be asked now.
        """

    def narrowing(self) -> Slate | None:
        """Return the slate of the presses to come; None for the original's 36 films."""

    def narrow(self, slate: Slate | None) -> None:
        """Draw from this slate in the presses to come, also after a restart.

        Raises:
            InvalidSlate: naming the field that leaves nothing, or that the model does not know.
            Declined: it cannot be kept.
        """

    def catalogue(self) -> Catalogue | None:
        """Return the names that the active model knows."""

    def model_folders(self) -> tuple[Path | None, Path | None]:
        """Return the folders of the active and the previous model's bundles."""

    def has_report(self) -> bool:
        """Say whether the active model came with a report."""

    def report(self) -> bytes | None:
        """Return the active model's report, an HTML file, as it was signed; None without one.

        Raises:
            BundleRefused: the file on the disk is not the one that was signed.
        """

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called, from any thread, after every change worth showing.

        Returns:
            What ends the subscription.
        """

    def on_button(self, pressed: Callable[[], None]) -> Callable[[], None]:
        """Have `pressed` called whenever a finger pushes the real button.

        Returns:
            What ends the subscription.
        """
