"""Explains films on the search worker: one at a time, the newest only, and never before a press."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from data.films import Combination
from edge.appliance.boot import this_year
from edge.appliance.commands import CommandRefused, RefusalKind
from edge.appliance.workers import Worker

if TYPE_CHECKING:
    from edge.search.explained import Explained
    from edge.search.model import Model

# It takes some milliseconds; a search that runs already may take longer.
_TIMEOUT_SECONDS = 5.0


class Explainer:
    """Explains films.

    Args:
        worker: whose thread searches; it does one thing at a time.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._newest = 0

    def give_way(self) -> None:
        """Cancel the explanation in progress: something else needs the worker."""
        self._newest += 1

    async def explain(self, model: Model, film: Combination) -> Explained:
        """Return what the model says about a film.

        Raises:
            CommandRefused: a newer film or a press came first, or the worker was busy too long.
        """
        # Loads numpy, so import it only here.
        from edge.search.what_if import NotWanted, explain_film

        self.give_way()
        mine, today = self._newest, this_year()

        def job() -> Explained:
            return explain_film(model, film, today=today, wanted=lambda: self._newest == mine)

        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await self._worker.run(job)
        except NotWanted as error:
            why = "a newer question or a press came first; ask again"
            raise CommandRefused(RefusalKind.NOT_NOW, why) from error
        except TimeoutError as error:
            if self._newest == mine:
                self.give_way()
            why = "a search is taking long; ask again when it has ended"
            raise CommandRefused(RefusalKind.NOT_NOW, why) from error
