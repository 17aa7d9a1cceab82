"""What the running appliance answers to each request of the control socket."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import msgspec

from data.errors import GreenlightError
from edge.appliance import status
from edge.appliance.appliance import Appliance, Outcome
from edge.appliance.control_socket import Approve, Hold, PressButton, Rate, Reply, Request, Status
from edge.appliance.machine import Event, Order
from edge.panel.button import SHORT_PRESS_SECONDS, Happening, Released
from edge.panel.hardware import Hardware

_log = logging.getLogger(__name__)
_LONGEST_HOLD_SECONDS = 60.0
_RELEASE_SECONDS = 5.0


class Answers:
    """Answers requests on the event loop.

    Args:
        hardware: whose button is pressed, if it is simulated.
    """

    def __init__(self, appliance: Appliance, hardware: Hardware) -> None:
        self._appliance = appliance
        self._hardware = hardware
        self._started = time.monotonic()
        self._pressing = asyncio.Lock()
        self._released: asyncio.Future[Outcome] | None = None
        self._keys: set[asyncio.Task[Reply]] = set()

    def take_button(self, happening: Happening) -> None:
        """Pass on what the button did, and note the outcome for who pressed it from here."""
        outcome = self._appliance.take_button(happening)
        waiting = self._released
        if isinstance(happening, Released) and waiting is not None and not waiting.done():
            waiting.set_result(outcome or Outcome((), None))

    async def answer(self, request: Request) -> Reply:
        """Answer one request; whatever it asks, the reply says `ok` or the reason."""
        try:
            match request:
                case Status():
                    return self.status(seen=request.seen)
                case PressButton() if self._hardware.simulated:
                    return await self.hold(SHORT_PRESS_SECONDS)
                case PressButton():
                    # No program moves a real pin: what its press asks for, as the page does.
                    return await self.outcome(self._appliance.feed(Event.PICK_ASKED))
                case Hold():
                    return await self.hold(request.seconds)
                case Approve():
                    return self.approve(request.pick_id)
                case Rate():
                    return self.rate(request)
        except GreenlightError as error:
            return {"ok": False, "error": str(error)}
        except Exception as error:  # noqa: BLE001 - the outermost frame of this request
            _log.exception("a request failed")
            return {"ok": False, "error": f"failed: {error}; see the log"}

    def status(self, *, seen: bool = False) -> dict[str, Any]:
        """Say how the appliance is; `seen` takes down what wanted attention."""
        if seen:
            self._appliance.attention.clear()
        uptime = time.monotonic() - self._started
        return {"ok": True, **status.running(self._appliance, uptime)}

    async def hold(self, seconds: float) -> Reply:
        """Hold the simulated button for so long, and wait for what comes of it."""
        if not self._hardware.simulated:
            return {"ok": False, "error": "the button is real: hold it with a finger"}
        if not 0 < seconds <= _LONGEST_HOLD_SECONDS:
            return {"ok": False, "error": f"seconds: give up to {_LONGEST_HOLD_SECONDS:g}"}
        async with self._pressing:
            self._released = asyncio.get_running_loop().create_future()
            self._hardware.press()
            await asyncio.sleep(seconds)
            self._hardware.release()
            outcome = await asyncio.wait_for(self._released, _RELEASE_SECONDS)
        return await self.outcome(outcome)

    def press_key(self, seconds: float) -> None:
        """Press the simulated button for so long, without waiting for what comes of it."""
        task = asyncio.get_running_loop().create_task(self.hold(seconds))
        self._keys.add(task)
        task.add_done_callback(self._keys.discard)

    async def outcome(self, outcome: Outcome) -> Reply:
        """Say what came of an event, once it has come."""
        refusal = outcome.refusal
        search = self._appliance.search
        if Order.SEARCH in outcome.orders and search is not None:
            # Shielded: a caller who goes away does not end the search.
            refusal = await asyncio.shield(search)
        if refusal is not None:
            return {"ok": False, "error": refusal}
        done = [order.value for order in outcome.orders]
        reply: dict[str, Any] = {"ok": True, "done": done, "message": self._appliance.message}
        pick = self._appliance.pick
        if Order.SEARCH in outcome.orders and pick is not None:
            slate = self._appliance.journal.slate_of(pick.id) or b"null"
            reply |= {"pick": pick, "answer": msgspec.Raw(slate)}
        return reply

    def approve(self, pick_id: str | None) -> Reply:
        """Approve the pick that waits, if it is still this one."""
        outcome = self._appliance.approve(pick_id)
        if outcome.refusal is not None:
            return {"ok": False, "error": outcome.refusal}
        return {"ok": True, "message": self._appliance.message, "pick": self._appliance.pick}

    def rate(self, request: Rate) -> Reply:
        """Write a rating down."""
        feedback = self._appliance.rate(request.stars, request.pick_id, simulated=request.simulated)
        return {"ok": True, "message": self._appliance.message, "feedback": feedback}
