"""What the owner may ask of the appliance, and what comes of it: records that can travel.

Button, control socket, page and command line translate into these commands; `Appliance.execute`
carries them out. The exit code and the HTTP status of a refusal are derived here and nowhere else.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

import msgspec

from data.errors import GreenlightError
from data.exits import Exit
from data.films import Combination
from data.messages import Feedback
from data.picks import Pick
from edge.search.slate import Slate


class Press(msgspec.Struct, frozen=True, tag="press", tag_field="command"):
    """Draw a fresh slate and find its best film, as a short press of the button does.

    Attributes:
        wait: for the pick; otherwise the outcome comes as soon as the search runs.
    """

    wait: bool = True


class Hold(msgspec.Struct, frozen=True, tag="hold", tag_field="command"):
    """Hold the simulated button for `seconds`, then do what letting go asks for."""

    seconds: float


class Approve(msgspec.Struct, frozen=True, tag="approve", tag_field="command"):
    """Approve the pick that waits for a decision: the film is made.

    Attributes:
        pick_id: the pick the owner saw; None for whichever is waiting.
    """

    pick_id: str | None = None


class Rate(msgspec.Struct, frozen=True, tag="rate", tag_field="command"):
    """Rate an approved film.

    Attributes:
        stars: 1 to 10, with decimals if the owner has any; None only when simulated.
        pick_id: of an approved pick; None for the newest that has no rating yet.
        simulated: draw the stars from the prediction (in demonstration mode only).
    """

    stars: float | None = None
    pick_id: str | None = None
    simulated: bool = False


class Narrow(msgspec.Struct, frozen=True, tag="narrow", tag_field="command"):
    """Choose from this slate from now on, across restarts; None for the classic 36 films."""

    slate: Slate | None = None


class Synchronise(msgspec.Struct, frozen=True, tag="synchronise", tag_field="command"):
    """Ask the sync service to connect and verify now."""


class Explain(msgspec.Struct, frozen=True, tag="explain", tag_field="command"):
    """Ask what the model says of a film, and what would make it better. Changes nothing.

    A newer one cancels it, and so does a press.

    Attributes:
        film: any; what the model doesn't know counts as a newcomer, or as no genre.
    """

    film: Combination


class RetryModel(msgspec.Struct, frozen=True, tag="retry-model", tag_field="command"):
    """Try the newest model that was given up once more."""


class MarkRead(msgspec.Struct, frozen=True, tag="mark-read", tag_field="command"):
    """Mark all warnings as read."""


class ShutDown(msgspec.Struct, frozen=True, tag="shut-down", tag_field="command"):
    """Stop cleanly.

    Attributes:
        power_off: switch the machine off too.
    """

    power_off: bool = False


Command: TypeAlias = (
    Press
    | Hold
    | Approve
    | Rate
    | Narrow
    | Synchronise
    | Explain
    | RetryModel
    | MarkRead
    | ShutDown
)


class RefusalKind(Enum):
    """Why a command was refused, as far as it matters to whoever gave it."""

    NOT_NOW = "not now"
    """The appliance can't do it in its present state; later it may."""
    INVALID = "invalid"
    """What was asked for can't be done as it is; change it."""
    FAILED = "failed"
    """The appliance tried and failed; something has to be fixed first."""


_HTTP_STATUS = {RefusalKind.NOT_NOW: 409, RefusalKind.INVALID: 422, RefusalKind.FAILED: 503}


class CommandRefused(GreenlightError):
    """A command was refused. Nothing has been changed.

    Attributes:
        kind: why, for programs.
        field: the value at fault, for programs; the message does without it.
    """

    def __init__(self, kind: RefusalKind, why: str, field: str | None = None) -> None:
        super().__init__(why)
        self.kind = kind
        self.field = field


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a command.

    Attributes:
        ok: it was done; otherwise nothing has been changed.
        message: what was done, for the owner.
        error: why it was refused, for the owner.
        refusal: why, for programs.
        field: the value at fault, if it is one.
        pick: found or approved.
        answer: everything a pick was chosen from, as JSON.
        feedback: the rating as it was written down.
        explained: what the model says of a film (`edge.search.what_if.Explained`), as JSON.
    """

    ok: bool
    message: str = ""
    error: str | None = None
    refusal: RefusalKind | None = None
    field: str | None = None
    pick: Pick | None = None
    answer: msgspec.Raw = msgspec.Raw()
    feedback: Feedback | None = None
    explained: msgspec.Raw = msgspec.Raw()

    @classmethod
    def refused(cls, kind: RefusalKind, why: str, field: str | None = None) -> Outcome:
        """Return the outcome of a command that was refused."""
        return cls(ok=False, error=why, refusal=kind, field=field)

    @property
    def exit_code(self) -> Exit:
        """How a process ends that was asked for this."""
        return Exit.OK if self.ok else Exit.FAILED

    @property
    def http_status(self) -> int:
        """The status of a web request that asked for this."""
        return 200 if self.refusal is None else _HTTP_STATUS[self.refusal]
