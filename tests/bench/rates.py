"""How fast ONNX Runtime scores rows at its best batch size: the reference for other figures."""

import numpy as np

from data import signing
from data.bundle import beside
from data.manifest import ARRAYS
from edge.search.model import Model

from .measure import seconds_of

BATCHES = (256, 1024, 4096, 16_384)


def arrays_of(bundle):
    """Return the path of a bundle's arrays."""
    return beside(bundle) / ARRAYS


def open_model(bundle):
    return Model.open(bundle, signing.read_public_keys(signing.keys_folder()))


def drawn_rows(model, count, seed=0):
    """Return raw rows of the full space, as the model takes them."""
    draw, index = np.random.default_rng(seed), model.index
    training = model.catalogue.training_years
    years = draw.integers(training.first, training.last + 1, count) - index.first_year
    directors = draw.integers(0, len(index.names), count)
    return index.columns(directors, years, draw.integers(0, index.sets.count, count))


def best_seconds_a_row(run, count=2 * BATCHES[-1]):
    """Return the seconds a row of `run(slice)` takes at its best batch, and that batch."""
    found = []
    for batch in BATCHES:
        parts = [slice(start, start + batch) for start in range(0, count, batch)]

        def scored(parts=parts):
            for part in parts:
                run(part)

        found.append((seconds_of(scored, 5) / count, batch))
    return min(found)


def graph_seconds_a_row(model, *, probabilities):
    """Return the same of the model's graph, raw strings in."""
    columns = drawn_rows(model, 2 * BATCHES[-1])

    def run(part):
        model.rows(*(column[part] for column in columns), probabilities=probabilities)

    return best_seconds_a_row(run)
