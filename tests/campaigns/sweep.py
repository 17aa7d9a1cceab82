"""The unpruned sweep: adds up every combination of a space, without bounds."""

import numpy as np

from edge.search.search_space import Cells
from edge.search.top import Top


def sweep(tables, space, ks, progress=lambda done, of: None):
    """Return the best k combinations, directors repeated, for each k; of a space of everything.

    Each director's years x sets are summed whole; only what is below the k-th best so far of the
    largest k is let go.
    """
    assert not space.plausible
    assert not space.restricted
    tops = [Top(k, len(tables.index.names), repeat_directors=True) for k in ks]
    widest = max(tops, key=lambda top: top.k)
    together = tables.year_genres[np.ix_(space.years, space.sets)].astype(np.int32)
    years = tables.director_year[:, space.years].astype(np.int32)
    scores = np.empty_like(together)
    count = len(space.directors)
    for start in range(0, count, 64):
        block = space.directors[start : start + 64]
        parts = np.ascontiguousarray(tables.genre_block(block, space.sets).T)
        for director, part in zip(block, parts, strict=True):
            np.add(together, years[director][:, None], out=scores)
            np.add(scores, part, out=scores)
            if scores.max() < widest.floor:
                continue
            year, chosen = np.nonzero(scores >= widest.floor)
            cells = Cells(np.full(len(year), director), space.years[year], space.sets[chosen])
            for top in tops:
                top.offer(scores[year, chosen], cells)
        progress(start + len(block), count)
    return [top.found(tables.constant) for top in tops]
