"""Simulates many presses, each of which must draw a slate and find its best film.

Export runs them before it signs a bundle, and a device's trial repeats them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from edge.search.answer import SlateAnswer
from edge.search.drawn_slate import draw_slates
from edge.search.model import Model
from edge.search.pick import choose_drawn
from edge.search.slate import Slate

PRESSES = 1_000


def simulate_presses(model: Model, presses: int = PRESSES, seed: int = 0) -> Iterator[SlateAnswer]:
    """Yield the answers of some presses, without titles, as if the clock weren't set.

    Args:
        model: scores the slates.
        presses: how many.
        seed: for everything drawn.

    Raises:
        EmptySlate, InvalidSlate: a press finds nothing; the message says why.
    """
    slates = draw_slates(model, Slate(sample="next"), random.Random(seed), titled=False)
    for number, drawn in enumerate(islice(slates, presses)):
        yield choose_drawn(model, drawn, seed=number, explained=False)
