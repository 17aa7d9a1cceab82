"""The running appliance: carries out the owner's commands, and shows its state.

Everything the owner can do comes through `Appliance.execute`, from every surface. Everything here
runs on the event loop's thread; long searches run in a worker.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec

from data.bundle import Bundle
from data.domain import Domain
from data.errors import GreenlightError
from data.films import Combination, combination
from data.picks import Pick
from edge.appliance.commands import (
    Approve,
    Command,
    CommandRefused,
    Explain,
    Hold,
    MarkRead,
    Narrow,
    OpenPairing,
    Outcome,
    Press,
    Rate,
    RefusalKind,
    RetryModel,
    RetryRatings,
    ShutDown,
    Synchronise,
    Withdraw,
)
from edge.appliance.decisions import Decisions, refused
from edge.appliance.disk_space import JournalWriter
from edge.appliance.explainer import Explainer
from edge.appliance.machine import Effect, Event, Obstacle, Phase, State, handle, pattern
from edge.appliance.observers import Observers
from edge.appliance.pairing import Pairing, WaitingBrowser
from edge.appliance.pick_finder import PickFinder
from edge.appliance.recorder import Recorder
from edge.appliance.workers import Worker
from edge.config import Config
from edge.journal import Journal, JournalError, JournalFull, JournalLocked
from edge.models import active as models
from edge.models.active_domain import active_domain
from edge.models.store import ModelStore
from edge.panel.button import ButtonEvent, ButtonPressed, ButtonStuck, Gesture, StageReached
from edge.panel.hardware import Hardware
from edge.panel.led import LedPlayer, Pattern

if TYPE_CHECKING:
    from edge.search.model import Model
    from edge.search.slate import Slate

Result = TypeVar("Result")
_log = logging.getLogger(__name__)
_LONGEST_HOLD_SECONDS = 60.0
_RELEASE_SECONDS = 5.0
_MOST_PRESSES, _PRESSES_SECONDS = 10, 10.0
_TOO_MANY = (
    f"more than {_MOST_PRESSES} presses in {_PRESSES_SECONDS:.0f} s were ignored: a worn contact or"
    " noise on the wire? raise button_bounce_seconds"
)
_STUCK = (
    "the button has been down for a minute: it is stuck, or it is normally closed; if so, set"
    " button_normally_closed = true"
)

# What releasing the button means.
GESTURES: dict[Gesture, Command] = {
    Gesture.SHORT: Press(),
    Gesture.APPROVE: Approve(),
    Gesture.SYNC: Synchronise(),
    Gesture.SHUT_DOWN: ShutDown(power_off=True),
    Gesture.PAIR: OpenPairing(),
}


@dataclass
class Parts:
    """The parts of an appliance."""

    config: Config
    journal: Journal
    store: ModelStore
    hardware: Hardware
    lights: LedPlayer
    searcher: Worker
    writer: JournalWriter
    recorder: Recorder
    boot_id: str


class Appliance:
    """The running appliance.

    Attributes:
        state: of the machine.
        pick: the newest pick, whether decided or not.
        message: the last message.
        stop_asked: set when it is time to stop.
        powers_off: whether to switch the machine off then.
        search: the last search, with its outcome.
        warming: a search whose pick is thrown away, so the first press is quick.
        observers: called after every change worth showing.
        pairing: which browser a press of the button signs in.
    """

    def __init__(self, parts: Parts, changed: Callable[[str], None]) -> None:
        self.config = parts.config
        self.journal = parts.journal
        self.store = parts.store
        self.writer = parts.writer
        self.recorder = parts.recorder
        self.hardware = parts.hardware
        self.boot_id = parts.boot_id
        self.started = time.monotonic()
        self.state = State()
        self.attention = parts.writer.attention
        self.model: Model | None = None
        self.bundle: Bundle | None = None
        self.slate: Slate | None = None
        self.pick: Pick | None = None
        self.fault: str | None = None
        self.message = ""
        self.stop_asked = asyncio.Event()
        self.powers_off = False
        self.search: asyncio.Task[Outcome] | None = None
        self.warming: asyncio.Task[None] | None = None
        self.observers = Observers()
        self.pairing = Pairing()
        self._compared: WaitingBrowser | None = None
        self._lights = parts.lights
        self._finder = PickFinder(
            parts.config, parts.journal, parts.writer, parts.searcher, parts.boot_id
        )
        self._work_marker = models.WorkMarker(parts.store, parts.boot_id)
        self._explainer = Explainer(parts.searcher)
        self._decisions = Decisions(parts.recorder.journal, parts.config, parts.writer.write)
        self._deciding = asyncio.Lock()
        self._changed = changed
        self._shown = self.state
        self._holding = asyncio.Lock()
        self._let_go: asyncio.Future[asyncio.Task[Outcome] | Outcome | None] | None = None
        self._begun: set[asyncio.Task[Outcome]] = set()
        self._presses: deque[float] = deque(maxlen=_MOST_PRESSES + 1)
        self._lights.show(pattern(self.state))

    # The owner's commands.

    async def execute(self, command: Command, *, asker: Hashable = None) -> Outcome:
        """Carry out a command; the only way in, from every surface.

        When this returns, what was done is on disk; a refused command has changed nothing. A search
        continues even if its caller goes away.

        Args:
            command: to carry out.
            asker: whose older questions a newer one replaces; None: it replaces nobody's.
        """
        try:
            match command:
                case Hold():
                    return await self._hold(command.seconds)
                case Rate():
                    return self._done(await self._record(partial(self._decisions.rate, command)))
                case Withdraw():
                    withdraw = partial(self._decisions.withdraw, command)
                    return self._done(await self._record(withdraw))
                case Narrow():
                    outcome = self._decisions.narrow(command.slate, self.model)
                    self.slate = command.slate
                    self.attention.clear("slate")
                    return self._done(outcome)
                case RetryModel():
                    retry = partial(self._decisions.retry_model, self.store)
                    return self._done(await self._record(retry))
                case RetryRatings():
                    return self._done(await self._record(self._decisions.retry_ratings))
                case MarkRead():
                    self.attention.clear()
                    return Outcome(ok=True)
                case Explain():
                    return await self._explain(command.film, asker)
                case Press():
                    return await self._press(wait=command.wait)
                case Approve():
                    return await self._approve(command.pick_id)
                case Synchronise():
                    self._ask(Event.SYNC_ASKED, Effect.SYNCHRONISE)
                    model_hash = self.model.hash if self.model is not None else ""
                    ask = partial(self._decisions.synchronise, model_hash)
                    return self._done(await self._record(ask))
                case OpenPairing():
                    return self._done(self._open_pairing())
                case ShutDown():
                    self.powers_off |= command.power_off
                    self._ask(Event.STOP_ASKED, Effect.SHUT_DOWN)
                    self.stop_asked.set()
                    return self._done(Outcome(ok=True, message="shutting down"))
        except GreenlightError as error:
            return self._refuse(error)
        except Exception as error:  # noqa: BLE001 - the outermost frame of every command
            _log.exception("a command failed")
            why = str(error) or type(error).__name__
            return self._refuse(GreenlightError(f"failed: {why}; see the log"))

    def begin(self, command: Command, *, asker: Hashable = None) -> asyncio.Task[Outcome]:
        """Start a command without waiting for it."""
        task = asyncio.get_running_loop().create_task(self.execute(command, asker=asker))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return task

    def take_button(self, event: ButtonEvent) -> asyncio.Task[Outcome] | None:
        """Handle a button event; releasing the button may start a command."""
        if isinstance(event, ButtonPressed):
            # A turn may end while the finger is down: what counts is what it went down on.
            self._compared = self._compared_browser()
            self.feed(Event.BUTTON_PRESSED)
            return None
        if isinstance(event, StageReached):
            self.feed(Event.STAGE_REACHED, event.gesture)
            return None
        if isinstance(event, ButtonStuck):
            # A fault or a warning must show through.
            self.feed(Event.BUTTON_RELEASED)
            self.attention.raise_("button", _STUCK)
            return None
        self.attention.clear("button")
        command = GESTURES.get(event.gesture)
        if isinstance(command, Press) and self._too_many_presses():
            command = None
        paired: Outcome | None = None
        if isinstance(command, Press) and self._compared is not None:
            paired, command = self._pair(self._compared), None
        if command is None:
            self.feed(Event.BUTTON_RELEASED)
        else:
            # Shown with what the command does next, in one step.
            self.state, _ = handle(self.state, Event.BUTTON_RELEASED)
        begun = self.begin(command) if command is not None else None
        if self._let_go is not None and not self._let_go.done():
            self._let_go.set_result(begun or paired)
        return begun

    def _compared_browser(self) -> WaitingBrowser | None:
        """Return the browser whose digits the light shows, once it has shown them all."""
        shows = self._lights.shown is Pattern.PAIRING_DIGITS
        return self.pairing.shown if shows and self.pairing.is_comparable else None

    def _pair(self, browser: WaitingBrowser) -> Outcome:
        named = f"the browser at {browser.address} that shows {browser.digits}"
        paired = self.pairing.pair(browser, time.monotonic())
        ended = "is signed in" if paired else "has gone; nobody was signed in"
        self.look_at_pairing()
        return self._done(Outcome(ok=True, message=f"pairing: {named} {ended}"))

    def look_at_pairing(self) -> None:
        """Give the next browser its turn on the light, and end what is over."""
        now = time.monotonic()
        # While the button is held, the light counts stages.
        if self.state.held is None:
            self.pairing.advance(now)
        opened, browser = self.pairing.was_opened(now), self.pairing.shown is not None
        if opened is not self.state.pairing:
            self.feed(Event.PAIRING_OPENED if opened else Event.PAIRING_CLOSED)
        if browser is not self.state.browser:
            self.feed(Event.BROWSER_CAME if browser else Event.BROWSER_WENT)
        self._show()

    def _too_many_presses(self) -> bool:
        """Return whether a real button was pressed more often than a finger can."""
        if self.hardware.simulated:
            return False
        at = time.monotonic()
        self._presses.append(at)
        if len(self._presses) <= _MOST_PRESSES:
            return False
        if at - self._presses[0] >= _PRESSES_SECONDS:
            self.attention.clear("presses")
            return False
        self.attention.raise_("presses", _TOO_MANY)
        return True

    # What happens to it.

    def feed(self, event: Event, gesture: Gesture = Gesture.NOTHING) -> Effect | Obstacle | None:
        """Handle an event and show the new state; return what to do about it, if anything."""
        before = self.state.phase
        self.state, effect = handle(self.state, event, gesture)
        self._show()
        if self.state != self._shown:
            self._shown = self.state
            self.observers.notify()
        if before is not self.state.phase:
            _log.info("%s: %s", event.value, self.state.phase.value)
        return effect

    def _show(self) -> None:
        shown, browser = pattern(self.state), self.pairing.shown
        digits = browser.digits if shown is Pattern.PAIRING_DIGITS and browser is not None else ""
        if self._lights.show(shown, digits, self.pairing.blinked if digits else lambda: None):
            self._changed(" ".join([f"led: {shown.value}", *digits]))

    def adopt(self, bundle: Bundle | None, model: Model | None) -> None:
        """Use this model from now on; None if there isn't one."""
        # The bytes are loaded; from now on only the bundle's manifest is needed.
        self.bundle = replace(bundle, files={}) if bundle is not None else None
        self.model = model
        if model is None:
            self.feed(Event.MODEL_MISSING)
            return
        self.say(f"model: {model.name} version {model.version}, {model.hash[:12]}")
        self.warming = asyncio.get_running_loop().create_task(self._warm_up(model))
        self.feed(Event.MODEL_ACTIVATED)
        if self.state.phase is Phase.READY:
            waiting = self.journal.waiting_pick()
            if waiting is not None:
                self.pick = waiting
                self.feed(Event.PICK_RESTORED)

    @property
    def domain(self) -> Domain:
        """What its models are about."""
        if self.bundle is None:
            return active_domain(self.config.state)
        return self.bundle.manifest.about

    def find_fault(self, sentence: str) -> None:
        """Report a fault: nothing can be written or answered until it is fixed."""
        if self.fault != sentence:
            self.fault = sentence
            self.say(sentence)
            self.feed(Event.FAULT_FOUND)

    def lose_fault(self) -> None:
        """Resume after a fault: what failed works again."""
        if self.fault is not None:
            self.fault = None
            self.feed(Event.FAULT_CLEARED)
            self.adopt(self.bundle, self.model)

    def say(self, message: str) -> None:
        """Print a message, and notify all observers."""
        self.message = message
        self._changed(message)
        self.observers.notify()

    # Carrying out commands.

    def _ask(self, event: Event, effect: Effect) -> None:
        """Check that the table allows this event now.

        Raises:
            CommandRefused: it doesn't.
        """
        found = self.feed(event)
        if isinstance(found, Obstacle):
            why = self.fault if found is Obstacle.FAULT and self.fault else found.value
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        assert found is effect

    def _done(self, outcome: Outcome) -> Outcome:
        self.say(outcome.message)
        return outcome

    def _refuse(self, error: GreenlightError) -> Outcome:
        outcome = refused(error)
        failed = isinstance(error, JournalError) and outcome.refusal is RefusalKind.FAILED
        # A full disk has its own warning, which is cleared once there is space.
        if failed and not isinstance(error, JournalFull):
            self.warn_of_journal(error)
        self.say(str(error))
        return outcome

    def warn_of_journal(self, error: GreenlightError) -> None:
        """Warn that the journal couldn't be written to, until it can."""
        subject = "lock" if isinstance(error, JournalLocked) else "journal"
        self.attention.raise_(subject, str(error))

    async def _record(self, write: Callable[[], Result]) -> Result:
        """Write into the journal without holding up the light; return once it is on the disk."""
        result = await self.recorder.run(write)
        self.attention.clear("journal")
        self.attention.clear("lock")
        return result

    def _open_pairing(self) -> Outcome:
        self._ask(Event.PAIRING_ASKED, Effect.OPEN_PAIRING)
        if not self.config.page:
            why = "the page is switched off (`page = false` in the settings)"
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        self.pairing.open(time.monotonic())
        self.look_at_pairing()
        return Outcome(ok=True, message="pairing is open for ten minutes: choose Pair on the page")

    async def _approve(self, pick_id: str | None) -> Outcome:
        # A press that comes meanwhile waits: it would change which pick this is about.
        async with self._deciding:
            self._ask(Event.APPROVAL_ASKED, Effect.APPROVE)
            approve = partial(self._decisions.approve, self.pick, pick_id)
            outcome = await self._record(approve)
            self.feed(Event.PICK_APPROVED)
        return self._done(outcome)

    async def _warm_up(self, model: Model) -> None:
        with self._work_marker.searching():
            await self._finder.warm_up(model, self.slate)

    async def _explain(self, film: Combination, asker: Hashable) -> Outcome:
        """Explain a film. Changes nothing, so observers aren't notified."""
        try:
            film = combination(film.director, film.year, film.genres)
            if self.model is None:
                raise CommandRefused(RefusalKind.NOT_NOW, Obstacle.NO_MODEL.value)
            if self.state.phase is Phase.SEARCHING:
                raise CommandRefused(RefusalKind.NOT_NOW, Obstacle.BUSY.value)
            found = await self._explainer.explain(
                self.model, film, asker if asker is not None else object()
            )
        except GreenlightError as error:
            return refused(error)
        return Outcome(ok=True, explained=msgspec.Raw(found.to_json()))

    async def _press(self, *, wait: bool) -> Outcome:
        self._explainer.give_way()
        async with self._deciding:
            waiting = self.state.phase is Phase.DECIDING
            self._ask(Event.PICK_ASKED, Effect.SEARCH)
        self.search = asyncio.get_running_loop().create_task(self._search(waiting=waiting))
        if not wait:
            return Outcome(ok=True, message="searching")
        return await asyncio.shield(self.search)

    async def _search(self, *, waiting: bool) -> Outcome:
        """Find and record a pick, or return why there is none.

        Args:
            waiting: a pick is waiting for a decision; without a new one, it keeps waiting.
        """
        assert self.model is not None
        self.say("searching")
        try:
            with self._work_marker.searching():
                found = await self._finder.find(self.model, self.slate)
            self._check_still_searching()
            pick = await self._record(partial(self._finder.record, found, self.recorder.journal))
        except GreenlightError as error:
            outcome = self._refuse(error)
        except Exception as error:  # noqa: BLE001 - the outermost frame of this task
            _log.exception("the search failed")
            why = f"the search failed: {error}"
            self.attention.raise_("search", f"{why}; see the log")
            outcome = self._refuse(GreenlightError(why))
        else:
            if found.fault is not None:
                self.attention.raise_("search", found.fault)
            else:
                self.attention.clear("search")
            self.pick = pick
            models.prove(self.store)
            domain = self.domain
            named = domain.described(pick.title, pick.director, pick.year, pick.genres)
            expected = domain.shown_outcome(pick.prediction.expected)
            message = f"pick: {named}; {expected}{domain.plain_unit} expected"
            answer = msgspec.Raw(found.answer.to_json())
            outcome = self._done(Outcome(ok=True, message=message, pick=pick, answer=answer))
        self.feed(Event.PICK_FOUND if outcome.ok else Event.SEARCH_FAILED)
        if waiting and not outcome.ok:
            self.feed(Event.PICK_RESTORED)
        return outcome

    def _check_still_searching(self) -> None:
        if self.state.phase is not Phase.SEARCHING:
            why = "the search was cancelled: the appliance is stopping or has lost its model"
            raise CommandRefused(RefusalKind.NOT_NOW, why)

    async def _hold(self, seconds: float) -> Outcome:
        """Hold the simulated button for `seconds`, then wait for the command that follows."""
        if not self.hardware.simulated:
            why = "this appliance has a real button: hold that"
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        if not 0 < seconds <= _LONGEST_HOLD_SECONDS:
            why = f"give up to {_LONGEST_HOLD_SECONDS:g} seconds"
            raise CommandRefused(RefusalKind.INVALID, why, "seconds")
        async with self._holding:
            if self.hardware.button_is_down:
                raise CommandRefused(RefusalKind.NOT_NOW, "the simulated button is down already")
            self._let_go = asyncio.get_running_loop().create_future()
            self.hardware.press()
            await asyncio.sleep(seconds)
            self.hardware.release()
            begun = await asyncio.wait_for(self._let_go, _RELEASE_SECONDS)
        if begun is None:
            return Outcome(ok=True, message="nothing: a hold of this length is cancelled")
        return begun if isinstance(begun, Outcome) else await asyncio.shield(begun)
