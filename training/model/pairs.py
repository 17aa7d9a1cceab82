"""Gradient boosting in which every path stays within one group of columns, split by group.

scikit-learn's `interaction_cst` constrains *paths*, not trees: two branches of one tree may use
different groups. So leaves, not trees, are assigned to groups. Part k of a tree is the tree with
the values of all other groups' leaves set to zero. Given a row in which only group k's columns are
right, part k takes wrong turns only at other groups' nodes. A leaf of group k below such a node
would have it in its path, which is impossible, so a wrong turn ends in zeros. So

    tree(x) = sum over k of part_k(the columns of group k in x).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from training.model.careers import Floats
from training.model.columns import Columns
from training.model.threads import one_thread
from training.model.trees import Nodes, Trees


class PairBoosting:
    """Fits boosted trees over the columns of `columns.Columns`, separable by its groups.

    Args:
        trees, learning_rate, leaves, min_films, shrinkage, share: of the boosting: rounds, step,
            leaves per tree, films per leaf, L2 penalty, and the share of columns a split may use.
    """

    def __init__(
        self,
        columns: Columns,
        *,
        trees: int,
        learning_rate: float,
        leaves: int,
        min_films: int,
        shrinkage: float,
        share: float,
        seed: int,
    ) -> None:
        self._columns = columns
        # Unless it is set, early_stopping silently turns on above 10,000 rows.
        self._settings: dict[str, Any] = {
            "max_iter": trees,
            "learning_rate": learning_rate,
            "max_leaf_nodes": leaves,
            "min_samples_leaf": min_films,
            "l2_regularization": shrinkage,
            "max_features": share,
            "random_state": seed,
            "early_stopping": False,
            "interaction_cst": [list(group) for group in columns.groups.values()],
        }

    def fit(self, table: Floats, target: Floats, weights: Floats | None = None) -> PairTrees:
        """Learn `target` [n] from feature columns [n, width], on one thread."""
        # Many threads on small histograms wait for each other: on a busy machine 30 s, not 0.2 s.
        with one_thread():
            fitted = HistGradientBoostingRegressor(**self._settings).fit(
                table, target, sample_weight=weights
            )
        return PairTrees(self._columns, Trees.of(fitted))


class PairTrees:
    """Boosted trees of which each path stays within one of the columns' groups.

    Args:
        columns: the position of each feature column.
        trees: as PairBoosting fits them.
    """

    def __init__(self, columns: Columns, trees: Trees) -> None:
        self._groups = columns.groups
        self.trees = trees

    @property
    def baseline(self) -> float:
        """The prediction before the first tree."""
        return self.trees.baseline

    def predict(self, table: Floats) -> Floats:
        """Return the whole ensemble's prediction, [n]."""
        return self.trees.predict(table)

    def part(self, name: str, table: Floats) -> Floats:
        """Return group `name`'s part; only that group's columns of `table` matter, [n]."""
        return self._parts[name].predict(table)

    @cached_property
    def _parts(self) -> dict[str, Trees]:
        parts: dict[str, list[Nodes]] = {name: [] for name in self._groups}
        for tree in self.trees.nodes:
            for name, part in self._split(tree):
                parts[name].append(part)
        return {name: Trees(0.0, nodes) for name, nodes in parts.items()}

    def _split(self, tree: Nodes) -> list[tuple[str, Nodes]]:
        """Return the parts of a tree that aren't all zero."""
        group_of_leaf = self._deal(tree)
        parts = []
        for number in np.unique(group_of_leaf[group_of_leaf >= 0]):
            nodes = tree.copy()
            nodes["value"][group_of_leaf != number] = 0.0
            _prune(nodes, 0)
            parts.append((list(self._groups)[number], nodes))
        return parts

    def _deal(self, nodes: Any) -> Any:
        """Return for each leaf the first group that contains its path; -1 for inner nodes."""
        groups = [set(group) for group in self._groups.values()]
        dealt = np.full(len(nodes), -1)
        ahead: list[tuple[int, frozenset[int]]] = [(0, frozenset())]
        while ahead:
            at, path = ahead.pop()
            node = nodes[at]
            if node["is_leaf"]:
                dealt[at] = next(i for i, group in enumerate(groups) if path <= group)
                continue
            path |= {int(node["feature_idx"])}
            ahead += [(int(node["left"]), path), (int(node["right"]), path)]
        return dealt


def _prune(nodes: Any, at: int) -> bool:
    """Turn every subtree of zeros into one leaf; return whether everything below `at` is zero."""
    node = nodes[at]
    if node["is_leaf"]:
        return bool(node["value"] == 0.0)
    # Prune both sides, whatever the first returns.
    zeros = [_prune(nodes, int(node["left"])), _prune(nodes, int(node["right"]))]
    if all(zeros):
        node["is_leaf"], node["value"] = 1, 0.0
    return all(zeros)
