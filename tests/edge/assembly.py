"""An appliance put together in the test's own process: everything real but the pins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from edge.appliance import Outcome, Press
from edge.appliance.appliance import Appliance, Parts
from edge.appliance.attention import Attention
from edge.appliance.disk_space import JournalWriter, Reserve
from edge.appliance.machine import Event
from edge.appliance.recorder import Recorder
from edge.appliance.workers import Worker
from edge.config import Config
from edge.journal import JOURNAL, Journal
from edge.models.store import ModelStore
from edge.panel.hardware import Hardware, OnEdge
from edge.panel.led import LedPlayer
from edge.search.model import Model


class Assembly:
    """An appliance with everything real but the pins; `on_edge` hears the button's edges."""

    def __init__(
        self,
        folder: Path,
        on_edge: OnEdge = lambda *_: None,
        *,
        simulate: bool = True,
        **config: object,
    ) -> None:
        self.config = Config(**{"state": folder, "demonstration": True, **config})
        self.hardware = Hardware(self.config, on_edge, simulate=simulate)
        self.journal = Journal.open(folder / JOURNAL)
        self.searcher = Worker("search", 1800.0)
        self.journal_worker = Worker("journal", 60.0)
        self.store = ModelStore(folder)
        self.said: list[str] = []
        self.lights = LedPlayer(self.hardware.light)
        self.writer = JournalWriter(self.store, Reserve(folder), Attention(self._attend))
        parts = Parts(
            config=self.config,
            journal=self.journal,
            store=self.store,
            hardware=self.hardware,
            lights=self.lights,
            searcher=self.searcher,
            writer=self.writer,
            recorder=Recorder(self.journal, self.journal_worker),
            boot_id="boot",
        )
        self.appliance = Appliance(parts, self.said.append)

    async def press(self) -> Outcome:
        return await self.appliance.execute(Press())

    def _attend(self, wanted: bool) -> None:
        self.appliance.feed(Event.ATTENTION_RAISED if wanted else Event.ATTENTION_CLEARED)

    async def close(self) -> None:
        await self.lights.close()
        self.searcher.close()
        self.journal_worker.close()
        self.journal.close()
        self.hardware.close()


def assembled(
    folder: Path, small_bundle, visit: Callable, *, simulate: bool = True, **config: object
) -> None:
    """Let `visit` be with an appliance that has the small model."""

    async def stay() -> None:
        built = Assembly(folder, simulate=simulate, **config)
        try:
            built.appliance.adopt(small_bundle, Model.load(small_bundle))
            await built.appliance.warming
            await visit(built)
        finally:
            await built.close()

    asyncio.run(stay())
