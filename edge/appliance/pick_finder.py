"""From an order to search to a pick: draws the slate, has it judged, and writes down the best."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.films import Combination
from data.ids import new_id
from data.picks import Pick

if TYPE_CHECKING:
    from edge.search.answer import Answer
    from edge.search.model import Model
    from edge.search.rows import Progress
    from edge.search.slate import Slate

# As many cells as the classic grid has, so that a narrowed slate can be shown alike.
SHOWN_CHOICES = 36


@dataclass(frozen=True)
class Found:
    """The best film of a slate, and all that was judged.

    Attributes:
        fault: what is wrong with the model's tables, if the search noticed.
    """

    pick: Pick
    answer: Answer
    fault: str | None


def find_pick(
    model: Model,
    slate: Slate | None,
    made: Collection[Combination],
    *,
    seed: int,
    made_at: str,
    boot_id: str,
    explore: bool = False,
    progress: Progress | None = None,
) -> Found:
    """Draw a slate and find its best film. Takes as long as the slate is large.

    Args:
        model: that judges.
        slate: what the owner narrowed it to; None for the classic 36.
        made: combinations that are never offered again.
        seed: decides everything that is drawn.
        made_at: the time, as text.
        boot_id: of this boot.
        explore: whether to draw a film to learn from. It may turn out to be the best all the same.
        progress: told of rows scored, should a search go row by row.

    Raises:
        EmptySlate, InvalidSlate: there is nothing to choose from.
    """
    # The search loads numpy: not before it is needed.
    from edge.search.classic import classic_slate
    from edge.search.pick import choose, choose_classic

    answer: Answer
    if slate is None:
        drawn = classic_slate(model.catalogue, random.Random(seed), made)
        answer = choose_classic(model, drawn, seed=seed, explore=explore)
    else:
        # The best film of each director; of few directors, all of their best ones.
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
    )
    return Found(pick, answer, answer.fault)
