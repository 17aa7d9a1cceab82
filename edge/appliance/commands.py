"""The owner's commands and their outcomes: records that can be sent over a socket.

Button, control socket, page and command line translate into these commands; `Appliance.execute`
carries them out. Exit codes and HTTP statuses of refusals are derived here and nowhere else.
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
        wait: for the pick; otherwise the outcome comes as soon as the search starts.
    """

    wait: bool = True


class Hold(msgspec.Struct, frozen=True, tag="hold", tag_field="command"):
    """Hold the simulated button for `seconds`, then do what releasing it means."""

    seconds: float


class Approve(msgspec.Struct, frozen=True, tag="approve", tag_field="command"):
    """Approve the waiting pick: the film will be made.

    Attributes:
        pick_id: the pick the owner saw; None for the one that is waiting.
    """

    pick_id: str | None = None


class Rate(msgspec.Struct, frozen=True, tag="rate", tag_field="command"):
    """Rate an approved film, or correct its rating.

    Attributes:
        stars: 1 to 10, with any decimals the owner gave; None only when simulated.
        pick_id: an approved pick's id; None for the newest one without a rating.
        simulated: draw the stars from the prediction (in demonstration mode only).
        correct: the film has a rating, which this one takes the place of.
        rating_id: the rating to correct, as the owner saw it; None for the one that counts.
    """

    stars: float | None = None
    pick_id: str | None = None
    simulated: bool = False
    correct: bool = False
    rating_id: str | None = None


class Withdraw(msgspec.Struct, frozen=True, tag="withdraw", tag_field="command"):
    """Take the owner's rating of a film back: it trains no model any more.

    Attributes:
        pick_id: the film's pick.
        rating_id: the rating as the owner saw it; None for the one that counts.
    """

    pick_id: str
    rating_id: str | None = None


class Narrow(msgspec.Struct, frozen=True, tag="narrow", tag_field="command"):
    """Choose from this slate from now on, across restarts; None for the classic 36 films."""

    slate: Slate | None = None


class Synchronise(msgspec.Struct, frozen=True, tag="synchronise", tag_field="command"):
    """Ask the sync service to connect and verify now."""


class Explain(msgspec.Struct, frozen=True, tag="explain", tag_field="command"):
    """Ask what the model says about a film, and what would make it better. Changes nothing.

    A newer request from the same browser session cancels it, and so does a press.

    Attributes:
        film: any film; an unknown director counts as a newcomer, an unknown genre as none.
    """

    film: Combination


class RetryModel(msgspec.Struct, frozen=True, tag="retry-model", tag_field="command"):
    """Try the newest quarantined model again."""


class RetryRatings(msgspec.Struct, frozen=True, tag="retry-ratings", tag_field="command"):
    """Send the ratings that the cloud rejected again: the cause was fixed."""


class MarkRead(msgspec.Struct, frozen=True, tag="mark-read", tag_field="command"):
    """Mark all warnings as read."""


class OpenPairing(msgspec.Struct, frozen=True, tag="open-pairing", tag_field="command"):
    """Let browsers ask, for ten minutes, to be signed in by the button."""


class ShutDown(msgspec.Struct, frozen=True, tag="shut-down", tag_field="command"):
    """Stop cleanly.

    Attributes:
        power_off: power the machine off too.
    """

    power_off: bool = False


Command: TypeAlias = (
    Press
    | Hold
    | Approve
    | Rate
    | Withdraw
    | Narrow
    | Synchronise
    | Explain
    | RetryModel
    | RetryRatings
    | MarkRead
    | OpenPairing
    | ShutDown
)


# What is carried out while the appliance is stopped, too: it needs no model.
StoppedCommand: TypeAlias = Approve | Rate | Withdraw | RetryModel


class RefusalKind(Enum):
    """Why a command was refused, as the caller can act on it."""

    NOT_NOW = "not now"
    """The appliance can't do it in its present state; try later."""
    INVALID = "invalid"
    """The command itself is at fault; change it."""
    FAILED = "failed"
    """The appliance tried and failed; fix the cause first."""


_HTTP_STATUS = {RefusalKind.NOT_NOW: 409, RefusalKind.INVALID: 422, RefusalKind.FAILED: 503}


class CommandRefused(GreenlightError):
    """A command was refused. Nothing has been changed.

    Attributes:
        kind: why, for programs.
        field: the name of the value at fault, for programs; the message doesn't mention it.
    """

    def __init__(self, kind: RefusalKind, why: str, field: str | None = None) -> None:
        super().__init__(why)
        self.kind = kind
        self.field = field


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The outcome of a command.

    Attributes:
        ok: it was done; otherwise nothing has been changed.
        message: what was done, for the owner.
        error: why it was refused, for the owner.
        refusal: why it was refused, for programs.
        field: the name of the value at fault, if one is.
        pick: the pick found or approved.
        answer: everything the pick was chosen from, as JSON.
        feedback: the rating, correction or withdrawal, without its place in the journal.
        explained: what the model says about a film (`edge.search.what_if.Explained`), as JSON.
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
        """The exit code of a process that ran this command."""
        return Exit.OK if self.ok else Exit.FAILED

    @property
    def http_status(self) -> int:
        """The HTTP status of a request for this command."""
        return 200 if self.refusal is None else _HTTP_STATUS[self.refusal]
