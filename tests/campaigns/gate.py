"""How often the gate releases a model that isn't better, and how often one that is.

Two models' errors are drawn, correlated within a director as those of real models are; the gate
compares them on held-out ratings that come several to a director, look after look. `old` bootstraps
ratings one by one at 95%, as the first gate did; `new` is the gate as it is.

    make gate-errors ARGS=repeats
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from judging.paired import ALPHA, interval, spent

Floats = NDArray[np.float64]
# How far the two models' errors differ by director, and by film.
_OF_DIRECTOR, _OF_FILM = 0.25, 0.25


def errors(draw: np.random.Generator, directors: NDArray[np.int64], gain: float) -> list[Floats]:
    """Return both models' errors of films, [n] each; the second's are smaller by the share `gain`.

    Args:
        draw: where chance comes from.
        directors: of each film, [n].
        gain: 0 for two models of the same worth.
    """
    films, count = len(directors), int(directors.max()) + 1
    common = draw.normal(0, 0.5, count)[directors] + draw.normal(0, 0.6, films)
    own = [
        draw.normal(0, _OF_DIRECTOR, count)[directors] + draw.normal(0, _OF_FILM, films)
        for _ in range(2)
    ]
    return [common + own[0], (common + own[1]) * (1.0 - gain)]


def released(
    ratings: int,
    a_director: int,
    *,
    gain: float,
    looks: int,
    old: bool,
    repeats: int,
    seed: int = 0,
) -> float:
    """Return the share of series of looks that release at least once.

    Args:
        ratings: held-out ratings at the last look; each look has an equal part more.
        a_director: how many ratings each director has.
        gain: how much smaller a candidate's errors are.
        looks: how many candidates are tried against the same incumbent.
        old: whether by the first gate.
        repeats: how many series.
        seed: of all that is drawn.
    """
    draw = np.random.default_rng(seed)
    directors = np.arange(ratings) // a_director
    hits = 0
    for _ in range(repeats):
        hits += any(
            _passes(
                [error[: ratings * look // looks] for error in errors(draw, directors, gain)],
                directors[: ratings * look // looks],
                ALPHA if old else spent(look),
                old=old,
            )
            for look in range(1, looks + 1)
        )
    return hits / repeats


def _passes(
    of_models: list[Floats], directors: NDArray[np.int64], alpha: float, *, old: bool
) -> bool:
    number = np.arange(len(directors)) if old else directors
    return interval(number, [error**2 for error in of_models], alpha, root=True)[1] < 0


def main(repeats: int) -> None:
    """Print both error rates as decision 16 states them."""
    print("released, % of", repeats, "series; RMSE alone, at most half of the 5%")
    for a_director in (1, 10):
        for ratings in (40, 160):
            row = [
                100 * released(ratings, a_director, gain=0.0, looks=1, old=old, repeats=repeats)
                for old in (True, False)
            ]
            print(f"no better, {ratings} ratings, {a_director} a director: "
                  f"old {row[0]:.1f}, new {row[1]:.1f}", flush=True)  # fmt: skip
    for old in (True, False):
        share = released(100, 5, gain=0.0, looks=10, old=old, repeats=repeats // 4)
        print(f"no better, ten looks at 10 to 100 ratings: {'old' if old else 'new'} "
              f"{100 * share:.1f}", flush=True)  # fmt: skip
    for gain in (0.02, 0.05, 0.1):
        for ratings in (40, 160, 640):
            share = released(ratings, 3, gain=gain, looks=1, old=False, repeats=repeats // 4)
            print(f"better by {gain:.0%}, {ratings} ratings: {100 * share:.0f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
