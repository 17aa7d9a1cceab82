"""Two models on the same films: how far apart are they, and could that be chance?

A paired bootstrap. One draw takes as many films as there are, with replacement, and measures both
models on them; what varies between draws is then the difference alone, not how hard the films are.
The 95% interval is from the 2.5th to the 97.5th percentile of the draws' differences.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.verdict import Comparison, Figure, Part
from judging.losses import SLATE, Floats, Ints, log_losses, slate_figures

DRAWS = 2_000
_SEED = 10
_ENDS = (2.5, 97.5)
# Each draw's regret is a mean over about so many slates, cut from several shuffles of few films.
_SLATES_A_DRAW = 100
# Of few films the slates are smaller, so that there are several in each shuffle.
_SLATES_A_SHUFFLE = 4
FIGURES: tuple[Figure, ...] = ("rmse", "log_loss", "regret")


class Predictions(NamedTuple):
    """What a model predicts for n films: expected stars [n] and probabilities [n, 10]."""

    expected: Floats
    probabilities: Floats

    def take(self, films: Ints | NDArray[np.bool_]) -> Predictions:
        """Return the predictions for these films."""
        return Predictions(self.expected[films], self.probabilities[films])


def slate_size(films: int) -> int:
    """Return how many films a slate has: 36, or a quarter of those there are."""
    return max(2, min(SLATE, films // _SLATES_A_SHUFFLE))


def compare(
    part: Part, stars: Ints, incumbent: Predictions, candidate: Predictions
) -> list[Comparison]:
    """Return RMSE, log loss and slate regret of both models, with the differences' intervals."""
    models = incumbent, candidate
    squares = [(model.expected - stars) ** 2 for model in models]
    losses = [log_losses(stars, model.probabilities) for model in models]
    size = slate_size(len(stars))
    measured = {
        "rmse": [float(np.sqrt(square.mean())) for square in squares],
        "log_loss": [float(loss.mean()) for loss in losses],
        "regret": [slate_figures(stars, model.expected, size=size)[0] for model in models],
    }
    drawn: dict[Figure, list[float]] = {figure: [] for figure in FIGURES}
    expected = [model.expected for model in models]
    for films, slates in _draws(len(stars), size):
        roots = [np.sqrt(square[films].mean()) for square in squares]
        drawn["rmse"].append(roots[1] - roots[0])
        drawn["log_loss"].append(float((losses[1] - losses[0])[films].mean()))
        drawn["regret"].append(_regret_difference(stars, expected, slates))
    return [
        Comparison(
            part=part,
            figure=figure,
            films=len(stars),
            incumbent=measured[figure][0],
            candidate=measured[figure][1],
            difference=measured[figure][1] - measured[figure][0],
            low=float(np.percentile(drawn[figure], _ENDS[0])),
            high=float(np.percentile(drawn[figure], _ENDS[1])),
        )
        for figure in FIGURES
    ]


def _draws(films: int, size: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield the films of each draw [n], and slates of them [slates, size]."""
    draw = np.random.default_rng(_SEED)
    per_shuffle = films // size
    shuffles = -(-_SLATES_A_DRAW // per_shuffle)
    for _ in range(DRAWS):
        taken = draw.integers(0, films, films)
        if shuffles == 1:
            shuffled = taken[None]  # drawn in random order
        else:
            shuffled = draw.permuted(np.tile(taken, (shuffles, 1)), axis=1)
        yield taken, shuffled[:, : per_shuffle * size].reshape(-1, size)


def _regret_difference(stars: Ints, expected: list[Floats], slates: Ints) -> float:
    """Return the candidate's regret less the incumbent's: the best film of each slate cancels."""
    row = np.arange(len(slates))
    chosen = [stars[slates[row, of_model[slates].argmax(axis=1)]] for of_model in expected]
    return float((chosen[0] - chosen[1]).mean())
