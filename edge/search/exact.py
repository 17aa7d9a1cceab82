"""The best films of a space, found in the tables and confirmed by ONNX Runtime.

The tables find the best; then ONNX Runtime scores what was found and must agree to the last bit.
If it doesn't, something is wrong with the device or the bundle: the answer says so, and is found
again by scoring row by row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edge.search.answer import How
from edge.search.best import Search
from edge.search.explore import Draw, put_first
from edge.search.model import Model, Rows
from edge.search.rows import Progress, best_by_rows
from edge.search.search_space import SearchSpace
from edge.search.tables import SCORES_A_STAR, Tables
from edge.search.top import Found

_GRID = np.float32(1 / SCORES_A_STAR)


class Confirmed(NamedTuple):
    """The best films of a space.

    Attributes:
        how: the way they were found.
        found: the films with their own scores, without anything sampled.
        rows: the graph's results for them.
        looked_at: how many combinations had to be added up.
        fault: what is wrong, if tables and graph disagreed.
    """

    how: How
    found: Found
    rows: Rows
    looked_at: int
    warnings: list[str]
    fault: str | None


def find(
    model: Model,
    space: SearchSpace,
    k: int,
    *,
    repeat_directors: bool,
    drawn: Draw | None = None,
    progress: Progress | None = None,
) -> Confirmed:
    """Return the best k of a space, preceded by the best with the sample added, if there is one."""
    warnings, fault = [], None
    if (tables := model.tables) is not None:
        found, looked_at = _by_tables(tables, space, k, repeat_directors, drawn)
        rows = confirm(model, space, found)
        if agrees(found, rows):
            return Confirmed("tables", found, rows, looked_at, [], None)
        fault = model.domain.say(
            "tables and ONNX Runtime disagree about the best films: the bundle or this device is "
            "faulty; the answer was found by scoring row by row"
        )
    else:
        warnings.append("the bundle has no tables: every combination was scored, row by row")
    found = best_by_rows(
        model, space, k, repeat_directors=repeat_directors, drawn=drawn, progress=progress
    )
    return Confirmed("rows", found, confirm(model, space, found), space.size, warnings, fault)


def _by_tables(
    tables: Tables, space: SearchSpace, k: int, repeat_directors: bool, drawn: Draw | None
) -> tuple[Found, int]:
    """Return the same from the tables, and how many combinations were examined."""
    search = Search(tables, space)
    found = search.best(k, repeat_directors=repeat_directors)
    if drawn is None:
        return found, search.effort.combinations
    raised = search.raised(drawn.offsets)
    found = put_first(found, raised.best(1), drawn)
    return found, search.effort.combinations + raised.effort.combinations


def confirm(model: Model, space: SearchSpace, found: Found) -> Rows:
    """Return ONNX Runtime's results for the combinations found."""
    return model.rows(*space.index.columns(*found.cells))


def agrees(found: Found, rows: Rows) -> bool:
    """Return whether the tables' scores and the graph's scores and stars agree bit for bit."""
    if rows.score is None:
        return False
    stars = found.scores.astype(np.float32) * _GRID
    same_bits = stars.view(np.int32) == rows.expected.view(np.int32)
    return bool(np.array_equal(found.scores, rows.score) and same_bits.all())
