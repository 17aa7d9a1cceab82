"""A thousand simulated presses, to prove that a bundle will work before it is signed.

Each must draw a slate and find its best film, on the exported graph as a device runs it. And picks
must be worth something: on unseen films they are compared with random choices.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.domain import Domain
from data.errors import GreenlightError
from edge.search.drawn_slate import OPTIONS
from edge.search.model import Model
from edge.search.simulated_presses import PRESSES, simulate_presses
from training.errors import NoPress, PickNoBetter
from training.model.careers import Floats


def play(
    graph: bytes, catalogue: Catalogue, domain: Domain, presses: int = PRESSES
) -> dict[str, float]:
    """Play presses on an exported model; return how many, for the manifest.

    Args:
        graph: the bytes of `model.onnx`.
        catalogue: of the same bundle.
        domain: what it is about.
        presses: how many to play.

    Raises:
        NoPress: one of them finds nothing; the message says why.
    """
    digest = hashlib.sha256(graph).hexdigest()
    model = Model(graph, catalogue, name=domain.name, version=1, hash=digest, domain=domain)
    played = 0
    try:
        for answer in simulate_presses(model, presses):
            if not all(np.isfinite(answer.expected)):
                raise NoPress("a simulated press predicts something that isn't a number")
            played += 1
    except GreenlightError as error:
        if isinstance(error, NoPress):
            raise
        raise NoPress(
            f"press {played + 1} of {presses:,} simulated ones finds nothing: {error}"
        ) from error
    return {"simulated_presses": float(played)}


def worth(
    expected: Floats, stars: NDArray[np.float64], domain: Domain, presses: int = PRESSES
) -> dict[str, float]:
    """Return how much better picks from unseen films are than random choices, in stars.

    Args:
        expected: of each training film, by models that haven't seen it, [n].
        stars: of each film, [n].
        domain: of the films.
        presses: how many slates of 36 to draw.

    Returns:
        `press_gain`: the pick's stars less its slate's mean, on average;
        `press_wins`: the share of slates whose pick got more than that mean.

    Raises:
        PickNoBetter: random choices are as good.
    """
    draw = np.random.default_rng(0)
    size = min(OPTIONS, len(expected))
    slates = np.array([draw.choice(len(expected), size, replace=False) for _ in range(presses)])
    best = slates[np.arange(presses), expected[slates].argmax(axis=1)]
    gains = stars[best] - stars[slates].mean(axis=1)
    if gains.mean() <= 0:
        gain = f"{domain.outcome.difference(float(gains.mean())):+z.2f} {domain.outcome.unit}"
        raise PickNoBetter(
            f"of {presses:,} slates of {size} {domain.words.things} that the model hadn't seen, "
            f"its pick got {gain} "
            "against a random choice; the columns don't say what is good"
        )
    return {"press_gain": float(gains.mean()), "press_wins": float((gains > 0).mean())}
