"""A search as the appliance carries it out, and its pick written down."""

from __future__ import annotations

import logging
import secrets
from functools import partial
from typing import TYPE_CHECKING

from data.ids import new_id
from data.picks import Pick
from edge.appliance.boot import now
from edge.appliance.disk_space import Writer
from edge.appliance.pick_finder import Found, find_pick
from edge.appliance.workers import Worker
from edge.config import Config
from edge.journal import Journal

if TYPE_CHECKING:
    from edge.search.model import Model
    from edge.search.slate import Slate

_log = logging.getLogger(__name__)
_SEEDS = 2**32


class Searching:
    """Finds picks and writes them into the journal.

    Args:
        worker: whose thread does what may take long.
        boot_id: of this boot, for the record.
    """

    def __init__(
        self, config: Config, journal: Journal, writer: Writer, worker: Worker, boot_id: str
    ) -> None:
        self._journal = journal
        self._writer = writer
        self._worker = worker
        self._boot_id = boot_id
        self._explore = config.explore
        self._verified_share = 1.0 if config.demonstration else config.verified_share

    async def warm(self, model: Model, slate: Slate | None) -> None:
        """Pick once for nobody, so that the first press waits for no library to load."""
        explore = self._explore > 0
        job = partial(find_pick, model, slate, (), seed=0, made_at="", boot_id="", explore=explore)
        try:
            await self._worker.run(job)
        except Exception as error:  # noqa: BLE001 - a press will meet it, and say so
            _log.warning("picking for nobody failed: %s", error)

    async def find(self, model: Model, slate: Slate | None) -> Found:
        """Draw a slate and find its best film, which was never made before.

        Raises:
            DiskFull, JournalError, EmptySlate, InvalidSlate: there is no pick.
        """
        self._writer.refuse_when_full()
        job = partial(
            find_pick,
            model,
            slate,
            self._journal.approved_combinations(),
            seed=secrets.randbelow(_SEEDS),
            made_at=now(),
            boot_id=self._boot_id,
            explore=self._happens(self._explore),
            progress=lambda done, of: self._worker.show_life(),
        )
        if slate is None:
            # The 36 of a press take a few milliseconds, the LED's shortest step fifty: on a busy
            # machine going to another thread and back would cost more than the search itself.
            return job()
        return await self._worker.run(job)

    def write(self, found: Found) -> Pick:
        """Write a pick down with its slate and, for a share of them, the wish to be verified.

        Raises:
            JournalError: nothing has been written.
        """
        verification_id = new_id() if self._happens(self._verified_share) else None
        answer = found.answer.to_json()
        self._writer.write(lambda: self._journal.record_pick(found.pick, answer, verification_id))
        return found.pick

    def _happens(self, share: float) -> bool:
        """Return True for this share of the times it is asked."""
        return secrets.SystemRandom().random() < share
