"""Checks that a loaded model gives the answers its bundle promises."""

from __future__ import annotations

import random
import time

import numpy as np

from data.bundle import Bundle
from data.errors import InvalidRecord
from data.films import MAX_GENRES, Combination
from data.picks import Prediction
from edge.models.activation import Refused
from edge.search.model import Model

# A bundle may promise less precision than ours, but only down to this.
_MAX_TOLERANCE = 1e-4
_MAX_SECONDS = 10.0
_DRAWN_ROWS = 256


def check_answers(model: Model, bundle: Bundle, press_seconds: float = 0.0) -> None:
    """Run the bundle's probes, rows drawn from its catalogue and presses through the model.

    Args:
        model: loaded from the bundle.
        bundle: its promises.
        press_seconds: how long to simulate presses; at most 1,000 of them, and at least one.

    Raises:
        Refused: saying which answer was wrong, or that they took too long.
    """
    check_probes(model, bundle)
    _check_drawn(model)
    _check_tables(model)
    _check_presses(model, press_seconds)


def check_probes(model: Model, bundle: Bundle) -> None:
    """Run the bundle's probes through the model; enough once it has passed its trial.

    Raises:
        Refused: saying which answer was wrong, or that they took too long.
    """
    probes = bundle.probes()
    began = time.monotonic()
    predictions = model.predict([probe.combination for probe in probes.probes])
    seconds = time.monotonic() - began
    budget = min(probes.seconds, _MAX_SECONDS)
    if seconds > budget:
        raise Refused(f"its probes took {seconds:.1f} s; {budget:.1f} s are allowed")
    tolerance = min(probes.tolerance, _MAX_TOLERANCE)
    for probe, found in zip(probes.probes, predictions, strict=True):
        _check_prediction(found)
        if found.expected != probe.expected:
            raise Refused("a probe expects other stars than the model gives")
        differences = np.subtract(found.probabilities, probe.probabilities)
        if not np.abs(differences).max() <= tolerance:
            raise Refused("a probe expects other probabilities than the model gives")


def _check_prediction(found: Prediction) -> None:
    """Refuse stars that aren't finite, and probabilities that aren't, or don't add up to 1.

    Reasons are sent to the cloud. So none of them says what the model computed, or for which row: a
    malicious model could use that to leak something it read.
    """
    try:
        found.check()
    except InvalidRecord:
        raise Refused("a prediction isn't finite, or its probabilities don't add up") from None


def _check_drawn(model: Model) -> None:
    """Check that random rows get predictions too, the same alone as in a batch."""
    drawn = _drawn_rows(model)
    predictions = model.predict(drawn)
    for found in predictions:
        _check_prediction(found)
    if model.predict(drawn[:1])[0].expected != predictions[0].expected:
        raise Refused("a row alone gets another answer than in a batch")


def _check_tables(model: Model) -> None:
    """Check that the search's tables and the graph agree on the best film of all."""
    from edge.search.pick import choose
    from edge.search.slate import Slate

    if model.tables is None:
        return  # searches then go through the graph itself
    fault = choose(model, Slate.everything(), explained=False).fault
    if fault is not None:
        raise Refused("its tables say otherwise than its graph")


def _check_presses(model: Model, seconds: float) -> None:
    """Check that presses can draw a slate and find its best film."""
    from edge.search.drawn_slate import EmptySlate
    from edge.search.simulated_presses import simulate_presses
    from edge.search.slate import InvalidSlate

    began = time.monotonic()
    try:
        for answer in simulate_presses(model):
            if not np.isfinite(answer.expected).all():
                raise Refused("a press finds what isn't a number")
            if time.monotonic() - began >= seconds:
                break
    except (EmptySlate, InvalidSlate):
        # Without the message, which may repeat names out of the model's catalogue.
        raise Refused("a press finds nothing: too few to choose from") from None


def _drawn_rows(model: Model) -> list[Combination]:
    catalogue, draw = model.catalogue, random.Random(model.hash)
    years = range(catalogue.years.first, catalogue.years.last + 1)
    directors = [director.name for director in catalogue.directors]
    most = min(MAX_GENRES, len(catalogue.genres))
    return [
        Combination(
            draw.choice(directors),
            draw.choice(years),
            tuple(sorted(draw.sample(catalogue.genres, draw.randint(1, most)))),
        )
        for _ in range(_DRAWN_ROWS)
    ]
