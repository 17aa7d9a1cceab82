"""The shell around the state machine: feeds it what happens and carries out what it orders.

Everything here runs on the event loop's thread; searching happens in a worker. What several
callers may ask (button, command line, page) comes through `feed`, so that all get the same answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from data.bundle import Bundle
from data.errors import GreenlightError
from data.messages import Feedback
from data.picks import Pick
from edge.appliance.decisions import Decisions
from edge.appliance.disk_space import Writer
from edge.appliance.listeners import Listeners
from edge.appliance.machine import REFUSALS, Event, Order, Phase, State, handle, pattern
from edge.appliance.pick_finder import Found
from edge.appliance.searching import Searching
from edge.appliance.workers import Worker
from edge.config import Config
from edge.journal import Journal, JournalError
from edge.models import active as models
from edge.models.store import ModelStore
from edge.panel.button import Happening, Press, Pressed, StageReached
from edge.panel.lights import Lights

if TYPE_CHECKING:
    from edge.search.model import Model
    from edge.search.slate import Slate

_log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """What came of feeding an event: what was ordered, and why not if it was refused."""

    orders: tuple[Order, ...]
    refusal: str | None


@dataclass
class Parts:
    """What an appliance is put together from."""

    config: Config
    journal: Journal
    store: ModelStore
    lights: Lights
    searcher: Worker
    writer: Writer
    boot_id: str


class Appliance:
    """The running appliance.

    Attributes:
        state: of the machine.
        pick: the newest one, whether decided or not.
        message: the last thing there was to say.
        stop_asked: set when it is time to stop.
        warming: a pick for nobody, so that the first press is quick.
        listeners: told after every change worth showing.
        fingers: told whenever the button goes down.
    """

    def __init__(self, parts: Parts, changed: Callable[[str], None]) -> None:
        self.config = parts.config
        self.journal = parts.journal
        self.store = parts.store
        self.writer = parts.writer
        self.state = State()
        self.attention = parts.writer.attention
        self.model: Model | None = None
        self.bundle: Bundle | None = None
        self.slate: Slate | None = None
        self.pick: Pick | None = None
        self.fault: str | None = None
        self.message = ""
        self.stop_asked = asyncio.Event()
        self.listeners = Listeners()
        self.fingers = Listeners()
        self.powers_off = False
        self.search: asyncio.Task[str | None] | None = None
        self.warming: asyncio.Task[None] | None = None
        self._lights = parts.lights
        self._searching = Searching(
            parts.config, parts.journal, parts.writer, parts.searcher, parts.boot_id
        )
        self._decisions = Decisions(parts.journal, parts.config, parts.writer.write)
        self.boot_id = parts.boot_id
        self._changed = changed
        self._lights.show(pattern(self.state))

    # What happens to it.

    def feed(self, event: Event, press: Press = Press.NOTHING) -> Outcome:
        """Take in an event and carry out what follows from it."""
        before = self.state
        self.state, orders = handle(self.state, event, press)
        refusal = None
        for order in orders:
            refusal = self._carry_out(order) or refusal
        if self._lights.show(pattern(self.state)):
            self._changed(f"led: {self._lights.shown.value}")
        if self.state != before:
            self.listeners.tell()
        if before.phase is not self.state.phase:
            _log.info("%s: %s", event.value, self.state.phase.value)
        return Outcome(orders, refusal)

    def take_button(self, happening: Happening) -> Outcome | None:
        """Take in what the button did; the outcome is that of letting go."""
        if isinstance(happening, Pressed):
            self.fingers.tell()
            self.feed(Event.BUTTON_PRESSED)
        elif isinstance(happening, StageReached):
            self.feed(Event.STAGE_REACHED, happening.press)
        else:
            if happening.press is Press.SHUT_DOWN:
                self.powers_off = True
            return self.feed(Event.BUTTON_RELEASED, happening.press)
        return None

    def adopt(self, bundle: Bundle | None, model: Model | None) -> None:
        """Let this model answer from now on; None when there is none."""
        # Its bytes are loaded; what is asked of the bundle from now on is in its manifest.
        self.bundle = replace(bundle, files={}) if bundle is not None else None
        self.model = model
        if model is None:
            self.feed(Event.MODEL_MISSING)
            return
        self.say(f"model: {model.name} version {model.version}, {model.hash[:12]}")
        self.warming = asyncio.get_running_loop().create_task(
            self._searching.warm(model, self.slate)
        )
        self.feed(Event.MODEL_ACTIVATED)
        if self.state.phase is Phase.READY:
            waiting = self.journal.waiting_pick()
            if waiting is not None:
                self.pick = waiting
                self.feed(Event.PICK_RESTORED)

    def find_fault(self, sentence: str) -> None:
        """Take in that nothing can be written or answered until this is mended."""
        if self.fault != sentence:
            self.fault = sentence
            self.say(sentence)
            self.feed(Event.FAULT_FOUND)

    def lose_fault(self) -> None:
        """Take in that what was at fault works again."""
        if self.fault is not None:
            self.fault = None
            self.feed(Event.FAULT_CLEARED)
            self.adopt(self.bundle, self.model)

    def approve(self, pick_id: str | None) -> Outcome:
        """Approve the pick that waits, if it is still this one; None for whichever waits."""
        if pick_id is not None and (self.pick is None or self.pick.id != pick_id):
            return Outcome((), "another pick waits by now; look again")
        return self.feed(Event.APPROVAL_GIVEN)

    def rate(self, stars: float | None, pick_id: str | None, *, simulated: bool) -> Feedback:
        """Write a rating down; it is on the disk when this returns.

        Raises:
            CannotRate, AlreadyRated, JournalError: nothing has been written.
        """
        feedback, told = self._decisions.rate(stars, pick_id, simulated=simulated)
        self.say(told)
        return feedback

    def say(self, message: str) -> None:
        """Tell whoever watches."""
        self.message = message
        self._changed(message)
        self.listeners.tell()

    # What it is ordered to do.

    def _carry_out(self, order: Order) -> str | None:
        """Return why not, if it could not be done."""
        if order in REFUSALS:
            return self._refuse(order.value.removeprefix("say that ").removeprefix("say "))
        match order:
            case Order.SEARCH:
                self.search = asyncio.get_running_loop().create_task(self._search())
            case Order.APPROVE:
                return self._tried(self._approve, restore=True)
            case Order.SYNCHRONISE:
                return self._tried(self._synchronise)
            case Order.SHUT_DOWN:
                self.say("shutting down")
                self.stop_asked.set()
        return None

    def _refuse(self, why: str) -> str:
        if self.state.phase is Phase.FAULTY and self.fault:
            why = self.fault
        self.say(why)
        return why

    def _tried(self, action: Callable[[], None], *, restore: bool = False) -> str | None:
        try:
            action()
        except JournalError as error:
            self.attention.raise_("journal", str(error))
            if restore:
                self.state, _ = handle(self.state, Event.PICK_RESTORED)
            return self._refuse(str(error))
        return None

    def _approve(self) -> None:
        assert self.pick is not None
        self.say(self._decisions.approve(self.pick))

    def _synchronise(self) -> None:
        self._decisions.synchronise(self.model.hash if self.model is not None else "")
        self.say("asked the sync service to synchronise and verify now")

    async def _search(self) -> str | None:
        """Find a pick and write it down; return why not, if there is none."""
        assert self.model is not None
        self.say("searching")
        try:
            self._take_found(await self._searching.find(self.model, self.slate))
        except GreenlightError as error:
            return self._search_failed(str(error))
        except Exception as error:  # noqa: BLE001 - the outermost frame of this task
            _log.exception("the search failed")
            self.attention.raise_("search", f"the search failed: {error}; see the log")
            return self._search_failed(f"the search failed: {error}")
        return None

    def _take_found(self, found: Found) -> None:
        if self.state.phase is not Phase.SEARCHING:
            return  # stopping, or the model went away meanwhile
        if found.fault is not None:
            self.attention.raise_("search", found.fault)
        pick = self.pick = self._searching.write(found)
        models.prove(self.store)
        self.say(
            f"pick: {pick.title} by {pick.director}, {pick.year}, {' '.join(pick.genres)};"
            f" {pick.prediction.expected:.2f} stars expected"
        )
        self.feed(Event.PICK_FOUND)

    def _search_failed(self, why: str) -> str:
        self.say(why)
        self.feed(Event.SEARCH_FAILED)
        return why
