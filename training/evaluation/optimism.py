"""By how much is the best of many films over-predicted?

Of n films with noisy predictions, the one predicted best is partly the luckiest. Shrinkage limits
this effect; this module measures it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from data.films import GOOD_STARS, Film
from data.manifest import BestUnseen
from judging.losses import slate_figures
from training.model.careers import Floats, Ints
from training.model.combinations import random_combinations
from training.model.estimator import FilmModel
from training.model.records import frame_of_films, ratings_of

SLATES = (36, 360, 3_600)
INVENTED = 20_000
_POOL = 60_000
_DRAWS = 200


class Invented(msgspec.Struct, frozen=True):
    """The best of 20,000 invented combinations, over many draws.

    Attributes:
        predicted: their mean by the model that chose them, fitted on one half of the films.
        judged: their mean by a model fitted on the other half.
    """

    predicted: float
    judged: float

    @property
    def optimism(self) -> float:
        """How far they are over-predicted."""
        return self.predicted - self.judged


def of_best(stars: Ints, expected: Floats, probabilities: Floats) -> BestUnseen:
    """Return how the best predicted hundredth of unseen films turned out; at least ten of them.

    Args:
        stars: of the films, [n].
        expected: predictions of models that hadn't seen them, [n].
        probabilities: of one to ten stars, from the same models, [n, 10].
    """
    count = min(max(len(stars) // 100, 10), len(stars))
    best = np.argsort(-expected, kind="stable")[:count]
    return BestUnseen(
        films=count,
        expected=float(expected[best].mean()),
        stars=float(stars[best].mean()),
        stated=float(probabilities[best, GOOD_STARS - 1 :].sum(axis=1).mean()),
        came_true=float((stars[best] >= GOOD_STARS).mean()),
    )


def of_slates(stars: Ints, expected: Floats) -> dict[int, float]:
    """Return the optimism of the best of 36, 360 and 3,600 random test films, as far as they go."""
    return {
        size: slate_figures(stars, expected, size=size, draws=max(200, 144_000 // size))[1]
        for size in SLATES
        if len(stars) >= size
    }


def of_invented(
    films: Sequence[Film], *, pool: int = _POOL, count: int = INVENTED, seed: int = 0
) -> Invented:
    """Return how the best of invented combinations fares with a model of the other films.

    The pool is limited to directors that both halves know, so that the judge can score them.
    """
    draw = np.random.default_rng(seed)
    shuffled = draw.permutation(len(films))
    halves = [np.sort(shuffled[: len(films) // 2]), np.sort(shuffled[len(films) // 2 :])]
    chooser, judge = (_fit([films[i] for i in half]) for half in halves)
    asked = random_combinations(chooser, pool, seed)
    known = set(judge.mixed_.careers.names) & set(chooser.mixed_.careers.names)
    asked = asked[asked.director.isin(known)]
    chosen_by, judged_by = chooser.predict(asked), judge.predict(asked)
    size = min(count, len(asked))
    best = [
        some[chosen_by[some].argmax()]
        for some in (draw.choice(len(asked), size, replace=False) for _ in range(_DRAWS))
    ]
    return Invented(float(chosen_by[best].mean()), float(judged_by[best].mean()))


def _fit(films: Sequence[Film]) -> FilmModel:
    return FilmModel().fit(frame_of_films(films), ratings_of(films))
