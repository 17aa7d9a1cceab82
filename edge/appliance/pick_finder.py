"""From a press to a pick: draws a slate, finds its best film, and records it."""

from __future__ import annotations

import logging
import random
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from data.films import Combination
from data.ids import new_id
from data.picks import GREEDY, THOMPSON, Pick, SlateGrid
from edge.appliance.boot import now, this_year
from edge.appliance.disk_space import JournalWriter
from edge.appliance.workers import Worker
from edge.config import Config
from edge.journal import Journal

if TYPE_CHECKING:
    from edge.search.answer import Answer
    from edge.search.model import Model
    from edge.search.rows import Progress
    from edge.search.slate import Slate

_log = logging.getLogger(__name__)
_SEEDS = 2**32

# As many as the classic grid has cells, so a narrowed slate can be shown the same way.
SHOWN_CHOICES = 36


@dataclass(frozen=True)
class FoundPick:
    """The best film of a slate, and everything scored.

    Attributes:
        fault: what is wrong with the model's tables, if the search noticed anything.
    """

    pick: Pick
    answer: Answer
    fault: str | None


def find_pick(
    model: Model,
    slate: Slate,
    made: Collection[Combination],
    *,
    seed: int,
    made_at: str,
    boot_id: str,
    explore: bool = False,
    progress: Progress | None = None,
    today: int | None = None,
) -> FoundPick:
    """Draw a slate and find its best film. Large slates take longer.

    Args:
        model: scores the films.
        slate: what to choose from.
        made: combinations already made; they aren't offered again.
        seed: for everything drawn at random.
        made_at: the time, as text.
        boot_id: this boot's id.
        explore: whether to sample a film to learn from. It may still turn out to be the best one.
        progress: called with the rows scored, if the search goes row by row.
        today: the current calendar year, if the clock is set.

    Raises:
        EmptySlate, InvalidSlate: there is nothing to choose from.
    """
    # The search loads numpy, so import it only when needed.
    from edge.search.drawn_slate import draw_slate
    from edge.search.pick import choose, choose_drawn

    answer: Answer
    if slate.sample != "all":
        drawn = draw_slate(model, slate, random.Random(seed), made, today=today)
        answer = choose_drawn(model, drawn, seed=seed, explore=explore)
    else:
        # One film per director; if the slate names only a few directors, several of each.
        few = 0 < len(slate.directors.names) < SHOWN_CHOICES
        answer = choose(
            model,
            slate,
            SHOWN_CHOICES,
            repeat_directors=few,
            seed=seed,
            leave_out=made,
            explore=explore,
            progress=progress,
            today=today,
        )
    best = answer.picks[0]
    pick = Pick(
        id=new_id(),
        title=best.title,
        director=best.director,
        year=best.year,
        genres=best.genres,
        prediction=best.prediction,
        model_version=answer.model_version,
        model_hash=answer.model_hash,
        made_at=made_at,
        boot_id=boot_id,
        explored=answer.explored,
        policy=THOMPSON if explore else GREEDY,
        propensity=_propensity(answer, explore=explore),
        slate=_grid(answer),
    )
    return FoundPick(pick, answer, answer.fault)


def _propensity(answer: Answer, *, explore: bool) -> float | msgspec.UnsetType:
    """Return the probability of this pick from its slate, where it's exactly known.

    The best of a slate is always picked. How likely a Thompson sample picks an option would need
    an integral; and a search of everything isn't worth weighting.
    """
    return msgspec.UNSET if explore or answer.searched != "slate" else 1.0


def _grid(answer: Answer) -> SlateGrid | msgspec.UnsetType:
    from edge.search.answer import SlateAnswer

    if not isinstance(answer, SlateAnswer):
        return msgspec.UNSET
    drawn = answer.slate
    return SlateGrid(drawn.directors, drawn.years, drawn.genre_sets)


class PickFinder:
    """Finds picks and records them in the journal.

    Args:
        worker: its thread runs searches that may take long.
        boot_id: this boot's id, for the record.
    """

    def __init__(
        self, config: Config, journal: Journal, writer: JournalWriter, worker: Worker, boot_id: str
    ) -> None:
        self._journal = journal
        self._writer = writer
        self._worker = worker
        self._boot_id = boot_id
        self._explore = config.explore
        self._active_within = config.active_within_years
        self._verified_share = 1.0 if config.demonstration else config.verified_share

    async def warm_up(self, model: Model, slate: Slate | None) -> None:
        """Search once and discard the pick, so that the first press needn't wait for libraries."""
        explore = self._explore > 0
        slate = slate or self._usual_slate()
        job = partial(find_pick, model, slate, (), seed=0, made_at="", boot_id="", explore=explore)
        try:
            await self._worker.run(job)
        except Exception as error:  # noqa: BLE001 - the first press fails alike and reports it
            _log.warning("warming up failed: %s", error)

    async def find(self, model: Model, slate: Slate | None) -> FoundPick:
        """Draw a slate and find its best film, leaving out those already made.

        Raises:
            DiskFull, JournalError, EmptySlate, InvalidSlate: there is no pick.
        """
        self._writer.refuse_when_full()
        slate = slate or self._usual_slate()
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
            today=this_year(),
        )
        if slate.sample != "all":
            # A press's 36 films take a few milliseconds, and the LED's shortest step is fifty: on a
            # busy machine, switching threads would cost more than the search itself.
            return job()
        return await self._worker.run(job)

    def record(self, found: FoundPick, journal: Journal) -> Pick:
        """Record a pick with its slate and, for a share of picks, a request to verify it.

        Raises:
            JournalError: nothing has been written.
        """
        verification_id = new_id() if self._happens(self._verified_share) else None
        answer = found.answer.to_json()
        self._writer.write(lambda: journal.record_pick(found.pick, answer, verification_id))
        return found.pick

    def _usual_slate(self) -> Slate:
        """Return the slate of a press unless the owner chose another: 36 next films."""
        from edge.search.slate import Directors, Slate

        return Slate(sample="next", directors=Directors(active_within=self._active_within))

    def _happens(self, share: float) -> bool:
        """Return True for this share of calls."""
        return secrets.SystemRandom().random() < share
