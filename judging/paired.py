"""Two models on the same films: how far apart are they, and could that be chance?

Measuring both on the same films leaves only the difference between the models, not how hard the
films are. Errors on films of one director, or of one device's owner, are correlated, so intervals
come from a bootstrap of such clusters. With fewer than ten clusters a bootstrap is overconfident,
so the interval is Student's t on the clusters' means. Of several clusterings the widest interval
counts (Cameron and Miller, A Practitioner's Guide to Cluster-Robust Inference, 2015).

The same held-out ratings judge one candidate after another, so each look at them spends a part of
5%: look k against one incumbent spends 0.05 * 6 / (pi^2 k^2), which sums to 5% however many
there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.verdict import Comparison, Figure, Part
from judging.losses import SLATE, Floats, Ints, log_losses, slate_figures

ALPHA = 0.05
# With fewer clusters the interval is Student's t on their means.
FEWEST_CLUSTERS = 10
# Fewer devices say nothing about other devices.
FEWEST_DEVICES = 3
DRAWS = 2_000
# This many draws are beyond each end of an interval, up to a limit of draws in all.
_BEYOND = 25
_MOST_DRAWS = 1_000_000
_DRAWS_AT_ONCE = 5_000
# An interval that excludes nothing: no figure differs by more.
_WHOLE = 20.0
_SEED = 10
# Each draw's regret is a mean over about this many slates, cut from several shuffles of few films.
_SLATES_A_DRAW = 100
# With few films the slates are smaller, so that each shuffle has several.
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


def spent(look: int) -> float:
    """Return the share of the 5% that this look at the held-out ratings spends, from look 1."""
    return ALPHA * 6.0 / (math.pi * look) ** 2


def clusters_of(directors: Sequence[str], devices: Sequence[str]) -> list[Sequence[str]]:
    """Return the clusterings of n ratings that count: by director, and by device if they suffice.

    Args:
        directors: of each rating, [n].
        devices: the things that sent them, [n].
    """
    return [directors, devices] if len(set(devices)) >= FEWEST_DEVICES else [directors]


def compare(
    part: Part,
    stars: Ints,
    incumbent: Predictions,
    candidate: Predictions,
    *,
    clusters: Sequence[Sequence[Any]] = (),
    alpha: float = ALPHA,
) -> list[Comparison]:
    """Return RMSE, log loss and slate regret of both models, with the differences' intervals.

    Args:
        part: what the films are.
        stars: what they got, [n].
        incumbent: the model in use on them.
        candidate: the new one.
        clusters: labels of each film, [n], for each way to cluster them; none for films on their
            own. The widest interval counts.
        alpha: the chance that an interval of RMSE or log loss misses, for the look at hand. Regret,
            which only ever refuses, keeps 5%.
    """
    models = incumbent, candidate
    squares = [(model.expected - stars) ** 2 for model in models]
    losses = [log_losses(stars, model.probabilities) for model in models]
    size = slate_size(len(stars))
    measured = {
        "rmse": [float(np.sqrt(square.mean())) for square in squares],
        "log_loss": [float(loss.mean()) for loss in losses],
        "regret": [slate_figures(stars, model.expected, size=size)[0] for model in models],
    }
    numbers = [np.unique(np.asarray(one), return_inverse=True)[1] for one in clusters]
    ends: dict[Figure, list[tuple[float, float]]] = {figure: [] for figure in FIGURES}
    for number in numbers or [np.arange(len(stars))]:
        ends["rmse"].append(interval(number, squares, alpha, root=True))
        ends["log_loss"].append(interval(number, losses, alpha, root=False))
        drawn = [
            _regret_difference(stars, [model.expected for model in models], slates)
            for slates in _slates(number, size)
        ]
        ends["regret"].append(_percentiles(np.array(drawn), ALPHA))
    return [
        Comparison(
            part=part,
            figure=figure,
            films=len(stars),
            incumbent=measured[figure][0],
            candidate=measured[figure][1],
            difference=measured[figure][1] - measured[figure][0],
            low=min(low for low, _ in ends[figure]),
            high=max(high for _, high in ends[figure]),
            level=1.0 - (ALPHA if figure == "regret" else alpha),
        )
        for figure in FIGURES
    ]


def interval(
    number: Ints, losses: Sequence[Floats], alpha: float, *, root: bool
) -> tuple[float, float]:
    """Return the interval of the candidate's mean loss less the incumbent's, or of their roots.

    Args:
        number: the cluster of each film, [n].
        losses: the incumbent's and the candidate's, [n] each.
        alpha: the chance that the interval misses.
        root: whether the figure is the root of the mean.
    """
    films = np.bincount(number).astype(float)
    sums = [np.bincount(number, loss).astype(float) for loss in losses]
    if len(films) < FEWEST_CLUSTERS:
        return _student(films, sums, alpha, root=root)
    drawn = []
    for times in _times(len(films), _draws_for(alpha)):
        means = [times @ of_model / (times @ films) for of_model in sums]
        before, now = (np.sqrt(mean) for mean in means) if root else means
        drawn.append(now - before)
    return _percentiles(np.concatenate(drawn), alpha)


def _student(
    films: Floats, sums: Sequence[Floats], alpha: float, *, root: bool
) -> tuple[float, float]:
    """Return the interval about the difference from Student's t on the clusters' means."""
    before, now = (float(of_model.sum() / films.sum()) for of_model in sums)
    difference, scale = now - before, 1.0
    if root:
        # The difference of two roots is that of the squares over their sum.
        scale = max(math.sqrt(now) + math.sqrt(before), 1e-9)
        difference = math.sqrt(now) - math.sqrt(before)
    if len(films) < 2:
        return -_WHOLE, _WHOLE
    means = (sums[1] - sums[0]) / films / scale
    reach = student_quantile(1.0 - alpha / 2.0, len(films) - 1)
    half = min(_WHOLE, reach * float(means.std(ddof=1)) / math.sqrt(len(films)))
    return difference - half, difference + half


def student_quantile(share: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution.

    With t = sqrt(freedom) tan(a) the density of the angle a is proportional to cos(a)^(freedom-1).
    """
    angles = np.linspace(0.0, np.pi / 2.0, 400_001)
    density = np.cos(angles) ** (freedom - 1)
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2.0)])
    angle = float(np.interp(abs(share - 0.5) * 2.0 * below[-1], below, angles))
    return math.copysign(math.sqrt(freedom) * math.tan(angle), share - 0.5)


def _draws_for(alpha: float) -> int:
    """Return how many draws resolve an interval of this alpha."""
    return min(_MOST_DRAWS, max(DRAWS, math.ceil(2 * _BEYOND / alpha)))


def _times(clusters: int, draws: int) -> Iterator[Ints]:
    """Yield how often each cluster is in each draw, some draws at once, [some, clusters]."""
    draw = np.random.default_rng(_SEED)
    even = np.full(clusters, 1.0 / clusters)
    for start in range(0, draws, _DRAWS_AT_ONCE):
        yield draw.multinomial(clusters, even, min(_DRAWS_AT_ONCE, draws - start))


def _percentiles(drawn: Floats, alpha: float) -> tuple[float, float]:
    low, high = np.percentile(drawn, (50.0 * alpha, 100.0 - 50.0 * alpha))
    return float(low), float(high)


def _slates(number: Ints, size: int) -> Iterator[Ints]:
    """Yield slates of the films of each draw of clusters, [slates, size]."""
    draw = np.random.default_rng(_SEED)
    order = np.argsort(number, kind="stable")
    films_of = np.split(order, np.cumsum(np.bincount(number))[:-1])
    for _ in range(DRAWS):
        chosen = draw.integers(0, len(films_of), len(films_of))
        taken = np.concatenate([films_of[cluster] for cluster in chosen])
        if len(taken) < size:
            continue  # a draw of small clusters only
        per_shuffle = len(taken) // size
        shuffles = -(-_SLATES_A_DRAW // per_shuffle)
        shuffled = draw.permuted(np.tile(taken, (shuffles, 1)), axis=1)
        yield shuffled[:, : per_shuffle * size].reshape(-1, size)


def _regret_difference(stars: Ints, expected: list[Floats], slates: Ints) -> float:
    """Return the candidate's regret less the incumbent's: the best film of each slate cancels."""
    row = np.arange(len(slates))
    chosen = [stars[slates[row, of_model[slates].argmax(axis=1)]] for of_model in expected]
    return float((chosen[0] - chosen[1]).mean())
