"""Writing to the journal when the disk may be full: what is given up first, and for what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from data.errors import GreenlightError
from edge.appliance.attention import Attention
from edge.appliance.reserve import Reserve
from edge.journal import JournalFull
from edge.models.store import ModelStore

Result = TypeVar("Result")

FULL = "the disk is full: no new picks until there is space; ratings are still taken"


class DiskFull(GreenlightError):
    """A pick is refused because the space that is left is for ratings."""


class Writer:
    """Carries out writes; on a full disk old models go first, then picks; ratings come last.

    Args:
        store: whose old versions can be given up.
        reserve: space that only ratings may use.
        attention: where the owner is told.
    """

    def __init__(self, store: ModelStore, reserve: Reserve, attention: Attention) -> None:
        self._store = store
        self._reserve = reserve
        self.attention = attention

    def write(self, action: Callable[[], Result], *, is_rating: bool = False) -> Result:
        """Carry out a write of the journal, making room for it if needed.

        Raises:
            JournalFull: there is no room left; nothing has been written.
        """
        try:
            return action()
        except JournalFull:
            self.attention.raise_("disk", FULL)
        if self._store.shed():
            try:
                return action()
            except JournalFull:
                pass
        if is_rating:
            self._reserve.release()
        return action()

    def refuse_when_full(self) -> None:
        """Refuse what is no rating while the space kept back for ratings is in danger.

        Raises:
            DiskFull: with what the owner can do.
        """
        if self._reserve.is_endangered() and (
            not self._store.shed() or self._reserve.is_endangered()
        ):
            self.attention.raise_("disk", FULL)
            raise DiskFull(FULL)
        self.attention.clear("disk")
