"""scikit-learn's boosted trees as tables of nodes: what prediction needs of them, and no more.

The walk from root to leaf is scikit-learn's own compiled code, and sums trees in its order, so
predictions have the bits of the estimator that the nodes come from. That code checks no index:
`check_nodes` looks at nodes that didn't come from a fit in this process.

This is the only module that depends on the internals of scikit-learn's trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from training.model.careers import Floats

# One row a node of PREDICTOR_RECORD_DTYPE, the root first.
Nodes = NDArray[Any]
# What a walk looks at. The other fields are of fitting, or of categories, which no tree here has.
WALKED = (
    "value", "num_threshold", "feature_idx", "left", "right", "missing_go_to_left", "is_leaf",
)  # fmt: skip

# This many rows stay in the processor's cache while all trees are applied to them.
_ROWS_AT_ONCE = 1_024
_NO_CATEGORIES = np.zeros((0, 8), np.uint32)


class Trees:
    """Boosted trees.

    Args:
        baseline: the prediction before the first tree.
        nodes: of each tree, in the order of boosting.
    """

    def __init__(self, baseline: float, nodes: Sequence[Nodes]) -> None:
        self.baseline = baseline
        self.nodes = list(nodes)

    @classmethod
    def of(cls, fitted: HistGradientBoostingRegressor) -> Trees:
        """Return the trees of a fitted estimator of one output."""
        baseline = float(fitted._baseline_prediction.item())
        return cls(baseline, [tree.nodes for (tree,) in fitted._predictors])

    def predict(self, table: Floats) -> Floats:
        """Return the trees' sum for feature columns [n, width], on one thread, [n]."""
        table = np.ascontiguousarray(table, np.float64)
        trees = [TreePredictor(nodes, _NO_CATEGORIES, _NO_CATEGORIES) for nodes in self.nodes]
        of_category = np.zeros(table.shape[1], np.uint32)
        total = np.full(len(table), self.baseline)
        for start in range(0, len(table), _ROWS_AT_ONCE):
            rows = table[start : start + _ROWS_AT_ONCE]
            for tree in trees:
                total[start : start + _ROWS_AT_ONCE] += tree.predict(
                    rows, _NO_CATEGORIES, of_category, 1
                )
        return total


def nodes_of(walked: NDArray[Any]) -> Nodes:
    """Return nodes with the fields WALKED set as given, and no categories."""
    nodes = np.zeros(len(walked), PREDICTOR_RECORD_DTYPE)
    for name in WALKED:
        nodes[name] = walked[name]
    return nodes


def check_nodes(nodes: Nodes, starts: NDArray[np.int64], columns: int) -> None:
    """Refuse nodes with which a walk would leave its tree, its row or never end.

    Args:
        nodes: of all trees, one after the other.
        starts: where each tree begins in them, and the end, [trees + 1].
        columns: how many feature columns a row has.

    Raises:
        ValueError: with the reason.
    """
    if starts[0] != 0 or starts[-1] != len(nodes) or not np.all(np.diff(starts) >= 1):
        raise ValueError("its trees don't follow one another")
    size = np.repeat(np.diff(starts), np.diff(starts))
    place = np.arange(len(nodes)) - np.repeat(starts[:-1], np.diff(starts))
    inner = nodes["is_leaf"] == 0
    for side in ("left", "right"):
        # Always further down the table: so a walk ends.
        if not np.all((nodes[side] > place)[inner] & (nodes[side] < size)[inner]):
            raise ValueError(f"a node's {side} leads out of its tree or back")
    if not np.all((nodes["feature_idx"] >= 0)[inner] & (nodes["feature_idx"] < columns)[inner]):
        raise ValueError("a node looks at a column that no row has")
    if np.isnan(nodes["num_threshold"]).any() or not np.isfinite(nodes["value"]).all():
        raise ValueError("a node's threshold or value isn't a number")
