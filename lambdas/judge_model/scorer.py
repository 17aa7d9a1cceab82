"""ONNX Runtime as the judge uses it: the only module of the functions that does.

A candidate's graph is untrusted: ONNX Runtime sees only what the strict graph rule has passed, and
every number it returns is checked, because NaN would compare false with everything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.errors import GreenlightError
from data.films import MAX_STARS, Combination, genre_slots
from data.graph_rule import ForbiddenGraph, check_graph
from data.privacy import forbid_telemetry
from judging.paired import Predictions

forbid_telemetry()
import onnxruntime  # noqa: E402 - it reads the setting while it is imported

BATCH = 8_192
# As a manifest's tensors are: one row each, and the ten probabilities.
_INPUTS = {
    "director": "tensor(string)",
    "year": "tensor(int64)",
    "genre1": "tensor(string)",
    "genre2": "tensor(string)",
    "genre3": "tensor(string)",
}
_OUTPUTS = ["expected", "probabilities"]
# Expected stars may lie a little outside of 1 to 10.
_FURTHEST_STARS = 20.0
_SUM_TOLERANCE = 1e-3


class Unscorable(GreenlightError):
    """A model can't be scored. The message never repeats what the model computed."""


class UntrustedModel:
    """A loaded `model.onnx`.

    Raises:
        Unscorable: the graph rule or ONNX Runtime refuses the graph, or it takes other inputs.
    """

    def __init__(self, model: bytes) -> None:
        try:
            check_graph(model)
        except ForbiddenGraph as error:
            raise Unscorable(f"model.onnx: {error}") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Otherwise the file's first bytes could select another format, with other rules.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        # Its exceptions share no public base class.
        except Exception as error:
            raise Unscorable(
                f"model.onnx: ONNX Runtime refuses the graph ({type(error).__name__})"
            ) from error
        inputs = {one.name: one.type for one in self._session.get_inputs()}
        outputs = {one.name for one in self._session.get_outputs()}
        if inputs != _INPUTS or not outputs.issuperset(_OUTPUTS):
            raise Unscorable("model.onnx: its inputs or outputs aren't those of our models")

    def predict(self, rows: Sequence[Combination], batch: int = BATCH) -> Predictions:
        """Return what the file predicts for these combinations, `batch` rows in each call.

        Raises:
            Unscorable: it fails, or its numbers aren't predictions.
        """
        slots = np.array([genre_slots(row.genres) for row in rows], object).reshape(-1, 3)
        feeds = {
            "director": np.array([row.director for row in rows], object)[:, None],
            "year": np.array([row.year for row in rows], np.int64)[:, None],
            **{f"genre{slot + 1}": slots[:, slot : slot + 1] for slot in range(3)},
        }
        parts = [
            self._run({name: column[at : at + batch] for name, column in feeds.items()})
            for at in range(0, len(rows), batch)
        ]
        expected, probabilities = (
            np.concatenate([part[place] for part in parts]).astype(float) for place in (0, 1)
        )
        return Predictions(expected[:, 0], probabilities)

    def _run(self, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        rows = len(feeds["year"])
        try:
            expected, probabilities = map(np.asarray, self._session.run(_OUTPUTS, feeds))
        except Exception as error:
            raise Unscorable(
                f"model.onnx: ONNX Runtime fails to score rows ({type(error).__name__})"
            ) from error
        if expected.shape != (rows, 1) or probabilities.shape != (rows, MAX_STARS):
            raise Unscorable("model.onnx: its outputs have another shape than its rows need")
        if not (
            (np.abs(expected) <= _FURTHEST_STARS).all()
            and (probabilities >= 0).all()
            and (np.abs(probabilities.sum(axis=1) - 1) <= _SUM_TOLERANCE).all()
        ):
            raise Unscorable("model.onnx: a number that it returns isn't a prediction")
        return [expected, probabilities]
