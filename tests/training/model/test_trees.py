"""Nodes of scikit-learn's trees: predictions to the bit, and no walk out of bounds."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from training.model.threads import one_thread
from training.model.trees import WALKED, Trees, check_nodes, nodes_of

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def fitted():
    draw = np.random.default_rng(0)
    table = draw.normal(size=(3000, 5))
    table[draw.random(table.shape) < 0.1] = np.nan
    stars = np.nan_to_num(table[:, 0]) + draw.normal(size=3000)
    with one_thread():
        return HistGradientBoostingRegressor(max_iter=50, early_stopping=False).fit(
            table, stars
        ), table


def test_predictions_have_scikit_learns_bits(fitted):
    estimator, table = fitted
    trees = Trees.of(estimator)
    again = Trees(trees.baseline, [nodes_of(nodes[list(WALKED)]) for nodes in trees.nodes])
    expected = estimator.predict(table)
    for one in (trees, again):
        assert np.array_equal(one.predict(table), expected)
        assert np.array_equal(one.predict(np.asfortranarray(table[:7])), expected[:7])


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("left", 2_000_000_000, "left leads out"),
        ("right", 0, "right leads out of its tree or back"),
        ("feature_idx", 5, "a column that no row has"),
        ("feature_idx", -1, "a column that no row has"),
        ("num_threshold", np.nan, "isn't a number"),
        ("value", np.inf, "isn't a number"),
    ],
)
def test_a_walk_that_would_leave_its_tree_or_never_end_is_refused(fitted, field, value, says):
    trees = Trees.of(fitted[0])
    starts = np.cumsum([0, *map(len, trees.nodes)])
    nodes = np.concatenate(trees.nodes)
    check_nodes(nodes, starts, 5)
    nodes[field][starts[3]] = value
    with pytest.raises(ValueError, match=says):
        check_nodes(nodes, starts, 5)


@pytest.mark.parametrize("starts", [[0], [1, 10], [0, 9], [0, 5, 5, 10], [0, 11, 10]])
def test_trees_that_do_not_follow_one_another_are_refused(starts):
    leaves = np.zeros(10, nodes_of(np.zeros(0, [(name, "f8") for name in WALKED])).dtype)
    leaves["is_leaf"] = 1
    with pytest.raises(ValueError, match="follow one another"):
        check_nodes(leaves, np.array(starts), 5)
