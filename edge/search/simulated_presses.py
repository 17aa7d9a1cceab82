"""Many presses of a model, one after another: that each draws a slate and finds its best.

Export plays them before it signs a bundle, and a device's trial repeats them.
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
    """Yield what so many presses find, as they would without a set clock.

    Args:
        model: that is pressed.
        presses: how many.
        seed: of all that is drawn.

    Raises:
        EmptySlate, InvalidSlate: a press finds nothing; the message says why.
    """
    slates = draw_slates(model, Slate(sample="next"), random.Random(seed))
    for number, drawn in enumerate(islice(slates, presses)):
        yield choose_drawn(model, drawn, seed=number, explained=False)
