"""The best films that differ from one another in more than their director.

The best comes first; each of the others is the best one that shares none of the named choices with
any before it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from data.films import Combination
from edge.search.exact import Confirmed, find
from edge.search.model import Model, Rows
from edge.search.rows import Progress
from edge.search.search_space import Cells, SearchSpace
from edge.search.top import Found

Differ: TypeAlias = Literal["director", "year", "genres"]
BY_DIRECTOR: tuple[Differ, ...] = ("director",)


def find_different(
    model: Model,
    space: SearchSpace,
    k: int,
    differ: Collection[Differ],
    progress: Progress | None = None,
) -> Confirmed:
    """Return the best k that differ in all these choices; fewer if the space holds fewer.

    Searches once for each film, in the space that the films before it leave.
    """
    found = [find(model, space, 1, repeat_directors=False, progress=progress)]
    while len(found) < k:
        space = _without(space, found[-1].found.cells, differ)
        if not space.size:
            break
        found.append(find(model, space, 1, repeat_directors=False, progress=progress))
    return _together(found)


def _without(space: SearchSpace, cells: Cells, differ: Collection[Differ]) -> SearchSpace:
    if "director" in differ:
        space = replace(space, directors=space.directors[space.directors != cells.directors[0]])
    if "year" in differ:
        kept = space.years != cells.years[0]
        space = replace(space, years=space.years[kept], calendar=space.calendar[kept])
    if "genres" in differ:
        space = replace(space, sets=space.sets[space.sets != cells.sets[0]])
    return space


def _together(parts: Sequence[Confirmed]) -> Confirmed:
    rows = [part.rows for part in parts]
    scores = [row.score for row in rows if row.score is not None]
    chances = [row.probabilities for row in rows if row.probabilities is not None]
    return Confirmed(
        how=parts[-1].how,
        found=Found(
            np.concatenate([part.found.scores for part in parts]),
            Cells(*map(np.concatenate, zip(*(part.found.cells for part in parts), strict=True))),
        ),
        rows=Rows(
            np.concatenate([row.expected for row in rows]),
            np.concatenate(scores) if scores else None,
            np.concatenate(chances),
        ),
        looked_at=sum(part.looked_at for part in parts),
        warnings=parts[0].warnings,
        fault=next((part.fault for part in parts if part.fault is not None), None),
    )


def share(one: Combination, other: Combination, differ: Collection[Differ]) -> bool:
    """Return whether two films have one of these choices in common."""
    return (
        ("director" in differ and one.director == other.director)
        or ("year" in differ and one.year == other.year)
        or ("genres" in differ and one.genres == other.genres)
    )


def different(
    order: Sequence[int], films: Sequence[Combination], differ: Collection[Differ]
) -> list[int]:
    """Return positions, best first, whose films share nothing with any before them."""
    kept: list[int] = []
    for place in order:
        if not any(share(films[place], films[before], differ) for before in kept):
            kept.append(place)
    return kept
