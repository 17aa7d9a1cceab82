"""The best films of a space, found in the tables and confirmed by ONNX Runtime.

The tables find the best; then ONNX Runtime scores what was found and must agree to the last bit.
If it does not, something is wrong with the device or the bundle: the answer says so, and is found
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
        how: by which way they were found.
        found: which they are, with their own scores: nothing drawn is in them.
        rows: what the graph says of them.
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
    """Return the best k of a space; before them, if there was a draw, the best with it added."""
    warnings, fault = [], None
    if (tables := model.tables) is not None:
        found, looked_at = _by_tables(tables, space, k, repeat_directors, drawn)
        rows = confirm(model, space, found)
        if agrees(found, rows):
            return Confirmed("tables", found, rows, looked_at, [], None)
        fault = (
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
    """Return the same as the tables have it, and how many combinations were looked at."""
    search = Search(tables, space)
    found = search.best(k, repeat_directors=repeat_directors)
    if drawn is None:
        return found, search.effort.combinations
    raised = search.raised(drawn.offsets)
    found = put_first(found, raised.best(1), drawn)
    return found, search.effort.combinations + raised.effort.combinations


def confirm(model: Model, space: SearchSpace, found: Found) -> Rows:
    """Return what ONNX Runtime says of the combinations found."""
    return model.rows(*space.index.columns(*found.cells))


def agrees(found: Found, rows: Rows) -> bool:
    """Return whether scores from the tables are the graph's, and its stars theirs, bit for bit."""
    if rows.score is None:
        return False
    stars = found.scores.astype(np.float32) * _GRID
    same_bits = stars.view(np.int32) == rows.expected.view(np.int32)
    return bool(np.array_equal(found.scores, rows.score) and same_bits.all())
