"""The appliance as its page sees it: callable from any thread, carried out on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path

from data.bundle import read_file
from data.catalogue import Catalogue
from data.manifest import REPORT
from edge.appliance.appliance import Appliance
from edge.appliance.commands import Command, Outcome, RefusalKind
from edge.appliance.machine import State, pattern
from edge.page.port import ApplianceStatus
from edge.panel.led import MEANING, Pattern
from edge.search.slate import Slate

_PATIENCE_SECONDS = 15.0
_BUSY = "the appliance is busy or stopping; try again"
_SLOW = "this is taking long; look again in a moment to see what came of it"


class ThreadsafeAppliance:
    """The running appliance as `edge.page.port.AppliancePort`.

    Args:
        loop: the appliance's event loop.
    """

    def __init__(self, appliance: Appliance, loop: asyncio.AbstractEventLoop) -> None:
        self._appliance = appliance
        self._loop = loop

    def status(self) -> ApplianceStatus:
        """Return what the appliance is doing."""
        # Read without the loop: each value is replaced whole, and the page asks often.
        appliance = self._appliance
        model = appliance.model
        return ApplianceStatus(
            light=appliance.state.phase.name.lower(),
            says=_meaning(appliance.state),
            thing=appliance.config.thing,
            attention=tuple(appliance.attention.sentences),
            fault=appliance.fault,
            model_version=model.version if model is not None else None,
            demonstration=appliance.config.demonstration,
        )

    def execute(self, command: Command) -> Outcome:
        """Have the appliance do this, within 15 seconds; a search runs on if it takes longer."""
        # Whoever takes it first: the loop, which then begins, or the caller, who then gives up.
        turn = threading.Lock()

        async def begin() -> Outcome:
            if not turn.acquire(blocking=False):
                return Outcome.refused(RefusalKind.FAILED, _BUSY)
            return await self._appliance.execute(command)

        begun = begin()
        try:
            return asyncio.run_coroutine_threadsafe(begun, self._loop).result(_PATIENCE_SECONDS)
        except RuntimeError:  # the loop has closed
            begun.close()
            return Outcome.refused(RefusalKind.FAILED, _BUSY)
        except (TimeoutError, CancelledError):
            nothing_done = turn.acquire(blocking=False)
            return Outcome.refused(RefusalKind.FAILED, _BUSY if nothing_done else _SLOW)

    def narrowing(self) -> Slate | None:
        """Return the slate of the presses to come."""
        return self._appliance.slate

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
        """Return whether the active model came with a report."""
        bundle = self._appliance.bundle
        return bundle is not None and REPORT in bundle.manifest.files

    def report(self) -> bytes | None:
        """Return the active model's report as it was signed; None without one."""
        # Not kept in memory: read again each time, and checked against the manifest in memory.
        bundle = self._appliance.bundle
        entry = bundle.manifest.files.get(REPORT) if bundle is not None else None
        if bundle is None or entry is None:
            return None
        return read_file(self._appliance.store.folder(bundle.manifest.version), REPORT, entry)

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called, on the event loop, after every change worth showing."""
        return self._appliance.observers.add(changed)

    def on_button(self, pressed: Callable[[], None]) -> Callable[[], None]:
        """Have `pressed` called whenever someone presses the button."""
        return self._appliance.button_observers.add(pressed)


def _meaning(state: State) -> str:
    """Return what the light means; while it breathes, which of the two reasons it has."""
    shown = pattern(state)
    return state.phase.value if shown is Pattern.BREATHING else MEANING[shown]
