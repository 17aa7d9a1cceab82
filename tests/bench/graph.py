"""This graph compared with the usual ways to run the same fitted trees."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from training.export.arrays import load_arrays

from .measure import Measure, seconds_of, shown
from .rates import (
    BATCHES,
    arrays_of,
    best_seconds_a_row,
    drawn_rows,
    graph_seconds_a_row,
    open_model,
)

SKLEARN_ROWS = 8192


def measures(bundle):
    model = open_model(bundle)
    fitted = load_arrays(arrays_of(bundle)).model
    row, batch = graph_seconds_a_row(model, probabilities=False)
    own = f"{shown(row)} a row from raw strings (batch {batch:,})"
    directors, years, slots = drawn_rows(model, SKLEARN_ROWS)
    records = np.column_stack([directors, years, slots])
    features = fitted.features(records)
    boosting = fitted.trees_.trees
    session = onnxruntime.InferenceSession(tree_graph(boosting, features.shape[1]), _options())
    ready = np.tile(features.astype(np.float32), (2 * BATCHES[-1] // SKLEARN_ROWS, 1))
    said = session.run(None, {"features": ready[:SKLEARN_ROWS]})[0].ravel()
    # A few rows may fall on the other side of a threshold in float32.
    assert np.median(np.abs(said - boosting.predict(features))) < 1e-4
    trees, tree_batch = best_seconds_a_row(
        lambda part: session.run(None, {"features": ready[part]})
    )
    count = sum(len(nodes) for nodes in boosting.nodes)
    yield Measure(
        "rows_vs_trees",
        trees / row,
        3,
        8,
        f"{own}; {len(boosting.nodes)} trees of {count:,} nodes on ready floats "
        f"{shown(trees)} (batch {tree_batch:,})",
    )
    predict = seconds_of(lambda: fitted.predict(records), 3) / SKLEARN_ROWS
    bare = seconds_of(lambda: boosting.predict(features), 5) / SKLEARN_ROWS
    yield Measure(
        "rows_vs_sklearn",
        predict / row,
        5,
        15,
        f"scikit-learn's predict of raw records {shown(predict)} a row; of its trees alone on "
        f"ready floats {shown(bare)}, {bare / row:.1f} x",
    )


def _options():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return options


def tree_graph(boosting, width):
    """Return scikit-learn's fitted trees as one ordinary TreeEnsembleRegressor."""
    columns = {
        name: []
        for name in (
            "treeids",
            "nodeids",
            "featureids",
            "values",
            "modes",
            "truenodeids",
            "falsenodeids",
            "missing_value_tracks_true",
        )
    }
    target = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree, nodes in enumerate(boosting.nodes):
        for number, node in enumerate(nodes):
            leaf = bool(node["is_leaf"])
            columns["treeids"].append(tree)
            columns["nodeids"].append(number)
            columns["featureids"].append(0 if leaf else int(node["feature_idx"]))
            columns["values"].append(0.0 if leaf else float(node["num_threshold"]))
            columns["modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            columns["truenodeids"].append(0 if leaf else int(node["left"]))
            columns["falsenodeids"].append(0 if leaf else int(node["right"]))
            columns["missing_value_tracks_true"].append(int(node["missing_go_to_left"]))
            if leaf:
                for name, value in zip(
                    target, (tree, number, 0, float(node["value"])), strict=True
                ):
                    target[name].append(value)
    attributes = {f"nodes_{name}": values for name, values in columns.items()}
    attributes |= {f"target_{name}": values for name, values in target.items()}
    attributes["base_values"] = [boosting.baseline]
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["expected"],
        domain="ai.onnx.ml",
        n_targets=1,
        **attributes,
    )
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("features", floats, [None, width])],
        [helper.make_tensor_value_info("expected", floats, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
