"""The model of a checked bundle, run by ONNX Runtime. The only module of the edge that uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.bundle import Bundle, read_bundle
from data.catalogue import Catalogue
from data.domain import FILMS, Domain
from data.errors import GreenlightError
from data.films import Combination, genre_slots
from data.graph_rule import check_graph
from data.manifest import BestUnseen
from data.picks import Prediction
from data.privacy import forbid_telemetry

if TYPE_CHECKING:
    from edge.search.catalogue_index import CatalogueIndex
    from edge.search.tables import Tables

Text = NDArray[np.object_]

# Larger batches gain no speed and cost memory.
MAX_ROWS = 65_536


class BadModel(GreenlightError):
    """This software can't use a model's graph."""


class Rows(NamedTuple):
    """The graph's results for N rows.

    Attributes:
        expected: float32, shape [N].
        score: int32, shape [N], by which rows are ranked; None if the graph has no such output.
        probabilities: float32, shape [N, 10]; None if they weren't requested.
    """

    expected: NDArray[np.float32]
    score: NDArray[np.int32] | None
    probabilities: NDArray[np.float32] | None

    def take(self, chosen: Sequence[int] | slice) -> Rows:
        """Return some of the rows."""
        places = chosen if isinstance(chosen, slice) else list(chosen)
        return Rows(
            self.expected[places],
            None if self.score is None else self.score[places],
            None if self.probabilities is None else self.probabilities[places],
        )


class Model:
    """A loaded model.

    Args:
        graph: the bytes of `model.onnx`.
        catalogue: the names behind its numbers.
        name: of the model, as its manifest says.
        version: as its manifest says.
        hash: the SHA-256 of `graph`.
        best_unseen: what its best predictions came to, if its manifest says so.
        domain: its domain, for everything people read.

    Raises:
        BadModel: if ONNX Runtime refuses the graph, or it lacks an input or output.
    """

    def __init__(
        self,
        graph: bytes,
        catalogue: Catalogue,
        *,
        name: str,
        version: int,
        hash: str,
        best_unseen: BestUnseen | None = None,
        domain: Domain = FILMS,
    ) -> None:
        self.catalogue = catalogue
        self.best_unseen = best_unseen
        self.name = name
        self.version = version
        self.hash = hash
        self.domain = domain
        self._session = session_of(graph)
        self._outputs = {output.name for output in self._session.get_outputs()}
        if missing := {"expected", "probabilities"} - self._outputs:
            raise BadModel(f"the graph lacks the output {missing.pop()!r}; train and export again")

    @classmethod
    def load(cls, bundle: Bundle) -> Model:
        """Load a checked bundle from its checked bytes.

        Raises:
            ForbiddenGraph: its graph has something that no bundle may contain.
            BadModel: its graph can't be used.
            InvalidRecord: its catalogue can't be used.
        """
        check_graph(bundle.model)
        manifest = bundle.manifest
        return cls(
            bundle.model,
            bundle.catalogue(),
            name=manifest.name,
            version=manifest.version,
            hash=bundle.model_hash,
            best_unseen=manifest.best_unseen,
            domain=manifest.about,
        )

    @classmethod
    def open(cls, folder: Path, keys: Mapping[str, bytes]) -> Model:
        """Check the bundle in `folder` against the trusted keys (PEM by key id), then load it.

        Raises:
            BundleRefused, ForbiddenGraph, BadModel, InvalidRecord: it is unusable or untrusted.
        """
        return cls.load(read_bundle(folder, keys))

    def rows(
        self, directors: Text, years: NDArray[np.int64], slots: Text, *, probabilities: bool = True
    ) -> Rows:
        """Run the graph on raw rows, in one call for every 65,536 of them.

        Args:
            directors: names, shape [N].
            years: shape [N].
            slots: three genre names for each row, shape [N, 3], `None` (the text) where empty.
            probabilities: whether to compute them too.
        """
        wanted = ["expected"]
        wanted += ["score"] if "score" in self._outputs else []
        wanted += ["probabilities"] if probabilities else []
        parts = []
        for start in range(0, max(len(years), 1), MAX_ROWS):
            part = slice(start, start + MAX_ROWS)
            feed = {
                "director": directors[part, None],
                "year": years[part, None],
                "genre1": slots[part, 0:1],
                "genre2": slots[part, 1:2],
                "genre3": slots[part, 2:3],
            }
            parts.append(self._session.run(wanted, feed))
        columns = zip(*parts, strict=True)
        joined = parts[0] if len(parts) == 1 else [np.concatenate(part) for part in columns]
        found = dict(zip(wanted, joined, strict=True))
        score = found.get("score")
        return Rows(
            found["expected"].reshape(-1),
            None if score is None else score.reshape(-1),
            found.get("probabilities"),
        )

    def predict(self, combinations: Sequence[Combination]) -> list[Prediction]:
        """Return the model's prediction for each combination, in order.

        A director whom the model doesn't know gets its prior, an unknown genre counts as none.
        """
        if not combinations:
            return []
        found = self.rows(*columns(combinations))
        expected = found.expected.tolist()
        scores = [None] * len(expected) if found.score is None else found.score.tolist()
        assert found.probabilities is not None
        return [
            Prediction(e, tuple(p), s)
            for e, p, s in zip(expected, found.probabilities.tolist(), scores, strict=True)
        ]

    @cached_property
    def index(self) -> CatalogueIndex:
        """The catalogue in numbers."""
        from edge.search.catalogue_index import CatalogueIndex

        return CatalogueIndex(self.catalogue, self.domain)

    @cached_property
    def tables(self) -> Tables | None:
        """The integer tables the graph is made of, as it gives them; None if it gives none.

        Raises:
            BadModel: they don't fit the catalogue.
        """
        from edge.search.tables import OUTPUTS, Tables

        if not {*OUTPUTS, "score"} <= self._outputs:
            return None
        unknown = np.array([[""]], object)
        feed = dict.fromkeys(("director", "genre1", "genre2", "genre3"), unknown)
        feed["year"] = np.array([[self.catalogue.years.first]], np.int64)
        found = self._session.run(list(OUTPUTS), feed)
        try:
            return Tables(dict(zip(OUTPUTS, found, strict=True)), self.index)
        except ValueError as error:
            raise BadModel(f"the graph's tables do not fit its catalogue: {error}") from error


def columns(combinations: Sequence[Combination]) -> tuple[Text, NDArray[np.int64], Text]:
    """Return the directors, years and genre slots of combinations, as `Model.rows` takes them."""
    return (
        np.array([chosen.director for chosen in combinations], object),
        np.array([chosen.year for chosen in combinations], np.int64),
        np.array([genre_slots(chosen.genres) for chosen in combinations], object).reshape(-1, 3),
    )


def runtime_version() -> str:
    """Return the version of ONNX Runtime here."""
    return str(_onnxruntime().__version__)


# One Identity node, as ONNX writes it: enough for ONNX Runtime to read everything it needs to know
# about the machine.
_SMALLEST_GRAPH = bytes.fromhex(
    "08083a370a100a017812017922084964656e746974791201675a0f0a0178120a"
    "0a08080612040a020801620f0a0179120a0a08080612040a02080142040a00100d"
)


def warm_up() -> None:
    """Let ONNX Runtime read what it needs to know about the machine.

    After this, and once `edge.search.pick` is imported, a process may give up its right to open
    files: it can still load and search a model.
    """
    session = session_of(_SMALLEST_GRAPH)
    session.run(["y"], {"x": np.array([1], np.int32)})


def _onnxruntime() -> Any:
    forbid_telemetry()
    import onnxruntime

    return onnxruntime


def session_of(graph: bytes) -> Any:
    """Return ONNX Runtime's session of a graph, from its bytes and never from a path.

    Raises:
        BadModel: ONNX Runtime refuses it.
    """
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    # One thread: a Pi has other work, and a row takes a microsecond.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Otherwise the file's first bytes could select another format, with other rules.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Otherwise memory for the largest run would be kept forever.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    # Its exceptions share no public base class.
    except Exception as error:
        # Its message may repeat numbers from the graph, which isn't trusted yet.
        raise BadModel(f"ONNX Runtime refuses the graph ({type(error).__name__})") from error
