"""The appliance as its page sees it: callable from any thread, carried out on the event loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from data.bundle import read_file
from data.catalogue import Catalogue
from data.manifest import REPORT
from edge.appliance.appliance import Appliance
from edge.appliance.kept_slate import keep_slate
from edge.appliance.machine import Event, pattern
from edge.appliance.rating import CannotRate
from edge.journal import JournalError
from edge.page.port import ApplianceStatus, Declined
from edge.panel.led import MEANING
from edge.search.slate import InvalidSlate, Slate, resolve

_PATIENCE_SECONDS = 15.0
Result = TypeVar("Result")


class ApplianceHouse:
    """What `edge.page.port.AppliancePort` asks for, of a running appliance.

    Args:
        loop: the appliance's event loop.
    """

    def __init__(self, appliance: Appliance, loop: asyncio.AbstractEventLoop) -> None:
        self._appliance = appliance
        self._loop = loop

    def status(self) -> ApplianceStatus:
        """Return how the appliance stands."""
        # Read without the loop: each value is replaced whole, and the page asks often.
        appliance = self._appliance
        model = appliance.model
        return ApplianceStatus(
            phase=appliance.state.phase,
            says=MEANING[pattern(appliance.state)],
            thing=appliance.config.thing,
            attention=tuple(appliance.attention.sentences),
            fault=appliance.fault,
            model_version=model.version if model is not None else None,
            demonstration=appliance.config.demonstration,
        )

    def press(self) -> None:
        """Do what a short press does."""
        self._feed(Event.PICK_ASKED)

    def approve(self, pick_id: str) -> None:
        """Approve this pick, if it is still the one that waits."""
        self._decline(self._on_loop(lambda: self._appliance.approve(pick_id).refusal))

    def rate(self, pick_id: str, stars: int, rating: float | None) -> None:
        """Write down what an approved film got."""
        given = float(stars) if rating is None else rating
        try:
            self._on_loop(lambda: self._appliance.rate(given, pick_id, simulated=False))
        except (CannotRate, JournalError) as error:
            raise Declined(str(error)) from error

    def synchronise(self) -> None:
        """Ask the sync service to connect and verify now."""
        self._feed(Event.SYNC_ASKED)

    def narrowing(self) -> Slate | None:
        """Return the slate of the presses to come."""
        return self._appliance.slate

    def narrow(self, slate: Slate | None) -> None:
        """Draw from this slate in the presses to come, also after a restart."""
        model = self._appliance.model
        if slate is not None and model is not None:
            space = resolve(slate, model.atlas, random.Random(0))
            if not space.size:
                raise InvalidSlate("slate", "holds no combination; widen it")
        try:
            keep_slate(self._appliance.config.state, slate)
        except OSError as error:
            raise Declined(f"the slate cannot be kept: {error.strerror}") from error

        def take() -> None:
            self._appliance.slate = slate
            self._appliance.say("the slate was changed")

        self._on_loop(take)

    def catalogue(self) -> Catalogue | None:
        """Return the names that the active model knows."""
        model = self._appliance.model
        return model.catalogue if model is not None else None

    def model_folders(self) -> tuple[Path | None, Path | None]:
        """Return the folders of the active and the previous model's bundles."""
        store = self._appliance.store
        pointer = store.read()
        active, previous = (
            store.folder(version) if version is not None else None
            for version in (pointer.active, pointer.previous)
        )
        return active, previous

    def has_report(self) -> bool:
        """Say whether the active model came with a report."""
        bundle = self._appliance.bundle
        return bundle is not None and REPORT in bundle.manifest.files

    def report(self) -> bytes | None:
        """Return the active model's report as it was signed; None without one."""
        # Not kept in memory: read anew, and checked against the manifest in memory.
        bundle = self._appliance.bundle
        entry = bundle.manifest.files.get(REPORT) if bundle is not None else None
        if bundle is None or entry is None:
            return None
        return read_file(self._appliance.store.folder(bundle.manifest.version), REPORT, entry)

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called, on the event loop, after every change worth showing."""
        return self._appliance.listeners.add(changed)

    def on_button(self, pressed: Callable[[], None]) -> Callable[[], None]:
        """Have `pressed` called whenever a finger pushes the real button."""
        return self._appliance.fingers.add(pressed)

    def _feed(self, event: Event) -> None:
        self._decline(self._on_loop(lambda: self._appliance.feed(event).refusal))

    @staticmethod
    def _decline(refusal: str | None) -> None:
        if refusal is not None:
            raise Declined(refusal)

    def _on_loop(self, action: Callable[[], Result]) -> Result:
        async def act() -> Result:
            return action()

        try:
            return asyncio.run_coroutine_threadsafe(act(), self._loop).result(_PATIENCE_SECONDS)
        except (TimeoutError, RuntimeError) as error:
            raise Declined("the appliance is busy or stopping; try again") from error
