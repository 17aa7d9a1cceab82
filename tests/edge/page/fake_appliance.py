"""An appliance without pins and model, for tests of the page itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from data.catalogue import Catalogue
from edge.appliance import Command, Outcome, RefusalKind
from edge.appliance.observers import Observers
from edge.page import PageServer, PageSettings
from edge.page.port import ApplianceStatus
from edge.search.slate import Slate

from .running_appliance import Visitor


class FakeAppliance:
    """Does nothing until a test changes it; declines every action."""

    def __init__(self) -> None:
        self.listeners = Observers()
        self.fingers = Observers()
        self.stands = ApplianceStatus("ready", "ready", "MovieSelector")

    def change(self, says: str) -> None:
        self.stands = ApplianceStatus("ready", says, "MovieSelector")
        self.listeners.notify()

    def status(self) -> ApplianceStatus:
        return self.stands

    def execute(self, command: Command) -> Outcome:
        return Outcome.refused(RefusalKind.NOT_NOW, "there is no model yet")

    def narrowing(self) -> Slate | None:
        return None

    def catalogue(self) -> Catalogue | None:
        return None

    def model_folders(self) -> tuple[Path | None, Path | None]:
        return None, None

    def has_report(self) -> bool:
        return False

    def report(self) -> bytes | None:
        return None

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        return self.listeners.add(changed)

    def on_button(self, pressed: Callable[[], None]) -> Callable[[], None]:
        return self.fingers.add(pressed)


@contextmanager
def served(appliance: FakeAppliance, state: Path) -> Iterator[PageServer]:
    """Serve an appliance's page on a free port until the block ends."""
    server = PageServer(appliance, state, PageSettings(port=0))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def owner_of(page: PageServer) -> Visitor:
    """Return a visitor who has signed in."""
    visitor = Visitor(int(page.address.rstrip("/").rpartition(":")[2]))
    assert visitor.sign_in(page.auth.pin().digits) == 303
    return visitor
