"""What the owner decides, written into the journal: approvals, ratings, the wish to synchronise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from data.ids import new_id
from data.messages import Feedback, VerificationRequest
from data.picks import Pick
from edge.appliance import rating
from edge.appliance.boot import now
from edge.config import Config
from edge.journal import Journal

# How many of the newest picks the longer hold has verified.
_VERIFIED_PICKS = 20


class Write(Protocol):
    """Carries out a write of the journal."""

    def __call__(self, action: Callable[[], object], *, is_rating: bool = False) -> object:
        """Carry it out, making room for it if needed."""


def _as_it_is(action: Callable[[], object], *, is_rating: bool = False) -> object:
    return action()


class Decisions:
    """The owner's decisions; each is on the disk when its method returns.

    Args:
        write: carries out the writes; without it a full disk is the caller's to meet.
    """

    def __init__(self, journal: Journal, config: Config, write: Write = _as_it_is) -> None:
        self._journal = journal
        self._config = config
        self._write = write

    def approve(self, pick: Pick) -> str:
        """Write down that this film is made; return what to say of it.

        Raises:
            JournalError: nothing has been written.
        """
        self._write(lambda: self._journal.record_decision(pick.id, "approved", now()))
        return f"approved: {pick.title}; rate it with `greenlight rate STARS`"

    def rate(
        self, stars: float | None, pick_id: str | None, *, simulated: bool
    ) -> tuple[Feedback, str]:
        """Write a rating down; return it, and what to say of it.

        Raises:
            CannotRate, AlreadyRated, JournalError: nothing has been written.
        """
        feedback = rating.rate(
            self._journal,
            self._config.thing,
            stars=stars,
            pick_id=pick_id,
            demonstration=self._config.demonstration,
            simulated=simulated,
        )
        self._write(lambda: self._journal.record_rating(feedback), is_rating=True)
        return feedback, f"rated: {feedback.title}, {feedback.stars} stars ({feedback.source})"

    def synchronise(self, model_hash: str) -> None:
        """Ask the sync service to synchronise, and to verify the newest picks of this model.

        Raises:
            JournalError: nothing has been written.
        """
        picks = [entry.pick for entry in self._journal.history(_VERIFIED_PICKS)]
        mine = [pick for pick in picks if pick.model_hash == model_hash]
        rows = tuple(pick.combination for pick in mine)
        scores = tuple(pick.prediction.expected for pick in mine)
        request = VerificationRequest(new_id(), model_hash, rows) if mine else None
        self._write(lambda: self._journal.request_sync(new_id(), request, scores))
