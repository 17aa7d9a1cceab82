"""The exact best of all combinations."""

import msgspec
import numpy as np

from data.catalogue import DirectorEntry
from edge.search.best import Search
from edge.search.catalogue_index import CatalogueIndex
from edge.search.search_space import SearchSpace
from edge.search.tables import Tables
from tests.campaigns.sweep import sweep

from .measure import Measure, seconds_of, shown
from .rates import graph_seconds_a_row, open_model

TIMES = 100


def measures(bundle):
    model = open_model(bundle)
    tables, index = model.tables, model.index
    space = everything(index)

    def best(k=1):
        # As for a new question: bounds are computed for its space.
        return Search(tables, everything(index)).best(k, repeat_directors=True)

    one, thousand = seconds_of(best, 25), seconds_of(lambda: best(1000), 25)
    ready = Search(tables, space)
    ready_one = seconds_of(lambda: ready.best(1), 25)
    ready_thousand = seconds_of(lambda: ready.best(1000, repeat_directors=True), 25)
    swept = seconds_of(lambda: sweep(tables, space, [1]), 3)
    row, batch = graph_seconds_a_row(model, probabilities=False)
    once = f"{shown(one)} with bounds, {shown(ready_one)} once they are made"
    yield Measure(
        "exact_best_vs_rows",
        row * space.size / one,
        10_000,
        40_000,
        f"{space.size:,} combinations: {once}; {shown(row)} a row (batch {batch:,}) is "
        f"{shown(row * space.size)}",
    )
    yield Measure(
        "exact_best_vs_sweep", swept / one, 40, 150, f"unpruned numpy sweep {shown(swept)}"
    )
    yield Measure(
        "top1000_vs_top1",
        thousand / one,
        5,
        2,
        f"{shown(thousand)} against {shown(one)} with bounds; once they are made "
        f"{shown(ready_thousand)} against {shown(ready_one)}",
        lower=True,
    )
    crowd = crowded(model, TIMES)
    many = Search(crowd, everything(crowd.index))
    many_one = seconds_of(lambda: many.best(1), 25)
    yield Measure(
        f"directors_x{TIMES}",
        many_one / ready_one,
        10,
        5,
        f"{shown(many_one)} among {len(crowd.index.names):,} directors, {shown(ready_one)} among "
        f"{len(index.names):,}; bounds made at load",
        lower=True,
    )


def everything(index):
    """Return the space of all directors and sets in the training years."""
    training = index.catalogue.training_years
    years = np.arange(training.first, training.last + 1) - index.first_year
    return SearchSpace.of(index, np.arange(len(index.names)), years, np.arange(index.sets.count))


def crowded(model, times, seed=0):
    """Return tables with this many times the directors.

    The further ones are made up: the years of one real director with the genres of another.
    """
    real, entries = model.tables, model.catalogue.directors
    draw, count = np.random.default_rng(seed), len(entries)

    def everyone():
        made_up = draw.integers(0, count, count * (times - 1))
        return np.concatenate([np.arange(count), made_up, [count]])

    by_year, by_genre = everyone(), everyone()
    length = np.diff([*real.offset, len(real.director_genres)])[by_genre]
    offset = np.cumsum(length) - length
    stretch = np.arange(length.sum()) - np.repeat(offset - real.offset[by_genre], length)
    names = [
        DirectorEntry(f"{number:08}", e.films, e.first_year, e.last_year, e.genres, e.kinds)
        for number, e in enumerate(entries[place] for place in by_genre[:-1])
    ]
    catalogue = msgspec.structs.replace(model.catalogue, directors=tuple(names))
    outputs = {
        "table_director_year": real.director_year[by_year],
        "table_director_genres": real.director_genres[stretch],
        "table_year_genres": real.year_genres,
        "table_director_genre": real.director_genre[by_genre],
        "table_director_level": real.director_level[by_genre],
        "table_own_genre": real.own_genre[by_genre],
        "table_offset": offset,
        "table_set_level": real.set_level,
        "table_constant": np.array([real.constant]),
    }
    return Tables(outputs, CatalogueIndex(catalogue))
