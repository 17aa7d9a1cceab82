"""Explains films on the search worker: one at a time, in turn, and never before a press."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
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
# So the last of them, too, is answered in time on a Pi.
MOST_ASKERS = 16


class _Question:
    """One question.

    Attributes:
        dropped: why it isn't answered; empty as long as it's wanted.
    """

    dropped = ""


class Explainer:
    """Explains films.

    Args:
        worker: whose thread searches; it does one thing at a time.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._open: dict[Hashable, _Question] = {}

    def give_way(self) -> None:
        """Drop all open questions: a press needs the worker."""
        for question in self._open.values():
            question.dropped = "a press came first; ask again"
        self._open.clear()

    async def explain(self, model: Model, film: Combination, asker: Hashable) -> Explained:
        """Return what the model says about a film.

        Args:
            model: explains it.
            film: any film.
            asker: whose newest question this is; the questions of others wait for their turn.

        Raises:
            CommandRefused: a press or the asker's newer question came first, or too many others
                are asking, or the worker was busy too long.
        """
        # Loads numpy, so import it only here.
        from edge.search.what_if import NotWanted, explain_film

        if asker in self._open:
            self._open.pop(asker).dropped = "a newer question came first; ask again"
        if len(self._open) >= MOST_ASKERS:
            why = "many others are asking; ask again in a moment"
            raise CommandRefused(RefusalKind.NOT_NOW, why)
        mine, today = _Question(), this_year()
        self._open[asker] = mine

        def job() -> Explained:
            return explain_film(model, film, today=today, wanted=lambda: not mine.dropped)

        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await self._worker.run(job)
        except NotWanted as error:
            raise CommandRefused(RefusalKind.NOT_NOW, mine.dropped) from error
        except TimeoutError as error:
            mine.dropped = mine.dropped or "a search is taking long; ask again when it has ended"
            raise CommandRefused(RefusalKind.NOT_NOW, mine.dropped) from error
        finally:
            if self._open.get(asker) is mine:
                del self._open[asker]
