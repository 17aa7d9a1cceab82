"""ONNX Runtime as training uses it: the only module here that uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import GreenlightError
from data.privacy import forbid_telemetry
from training.model.records import COLUMNS, as_records

forbid_telemetry()
import onnxruntime  # noqa: E402 - it reads the setting while it is imported


class UnreadableModel(GreenlightError):
    """ONNX Runtime can't load a file."""


class Scores(NamedTuple):
    """The graph's outputs for n rows: float32 [n], int32 [n], float32 [n, 10]."""

    expected: NDArray[np.float32]
    score: NDArray[np.int32]
    probabilities: NDArray[np.float32]


class Scorer:
    """A loaded `model.onnx`."""

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Otherwise the file's first bytes could select another format.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise UnreadableModel(f"ONNX Runtime can't load model.onnx: {error}") from error

    def score(self, table: Any, *, batch: int = 8192) -> Scores:
        """Score records (training.model.records), `batch` rows in each call."""
        feeds = self._feeds(table)
        n = len(feeds["year"])
        outputs = ["expected", "score", "probabilities"]
        parts = [
            self._session.run(outputs, {k: v[i : i + batch] for k, v in feeds.items()})
            for i in range(0, n, batch)
        ]
        expected, score, probabilities = (np.concatenate(p) for p in zip(*parts, strict=True))
        return Scores(expected[:, 0], score[:, 0], probabilities)

    def tables(self) -> dict[str, NDArray[Any]]:
        """Return the graph's tables by the names of its outputs."""
        names = [o.name for o in self._session.get_outputs() if o.name.startswith("table_")]
        feeds = self._feeds([("", 0, "", "", "")])
        return dict(zip(names, self._session.run(names, feeds), strict=True))

    def tensors(self, *, inputs: bool) -> list[tuple[str, str, Sequence[int | None]]]:
        """Return name, type and shape of each input or output; None for any number of rows."""
        nodes = self._session.get_inputs() if inputs else self._session.get_outputs()
        return [
            (n.name, n.type[7:-1], [s if isinstance(s, int) else None for s in n.shape])
            for n in nodes
        ]

    @staticmethod
    def _feeds(table: Any) -> dict[str, NDArray[Any]]:
        records = as_records(table)
        columns = [records.directors, records.years, *records.slots.T]
        return {name: column[:, None] for name, column in zip(COLUMNS, columns, strict=True)}
