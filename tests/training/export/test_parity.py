"""Nothing is exported without proof, and a refusal writes nothing."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from typer.testing import CliRunner

from data import limits, signing
from data.bundle import beside
from data.manifest import MANIFEST
from training.cli import app
from training.errors import ExportRefused, ModelTooLarge, NoParity, TableOverflow, UnknownOperator
from training.export import bundle, fitness
from training.export import parity as parity_checks
from training.export.example_bundle import example_table, small_model
from training.export.runtime import Scorer
from training.model.combinations import random_combinations
from training.model.estimator import FilmModel
from training.model.records import frame_of_films

pytestmark = pytest.mark.numeric


def test_an_operator_that_is_not_proved_is_refused_by_name(example):
    graph = onnx.load_from_string(example.exported.model_bytes)
    graph.graph.node.append(helper.make_node("Softmax", ["probabilities"], ["softer"]))
    graph.graph.output.append(
        helper.make_tensor_value_info("softer", TensorProto.FLOAT, [None, 10])
    )
    with pytest.raises(UnknownOperator, match="Softmax"):
        parity_checks.check_file(graph.SerializeToString())


def test_a_file_over_the_devices_limit_is_refused(example):
    padded = example.exported.model_bytes + bytes(limits.MAX_MODEL_BYTES)
    with pytest.raises(ModelTooLarge, match=f"{limits.MAX_MODEL_BYTES:,}"):
        parity_checks.check_file(padded)


def test_another_models_file_has_no_parity(example, films):
    other = small_model(seed=3).fit(frame_of_films(films), np.full(len(films), 5.0))
    with pytest.raises(NoParity, match="scikit-learn and ONNX differ"):
        parity_checks.check_parity(
            other, example.exported.model_bytes, frame_of_films(films), combinations=50
        )


def spoilt(threads, spoil):
    """ONNX Runtime, but with `threads` threads its answer for the first row is wrong."""

    class Spoilt(Scorer):
        def __init__(self, model, *, threads=1):
            super().__init__(model, threads=threads)
            self.threads = threads

        def score(self, table, **how):
            scores = super().score(table, **how)
            if self.threads == threads:
                spoil(scores)
            return scores

    return Spoilt


def test_one_other_bit_on_another_number_of_threads_is_refused(example, films, monkeypatch):
    def one_bit(scores):
        scores.expected.view(np.int32)[0] ^= 1

    monkeypatch.setattr(parity_checks, "Scorer", spoilt(2, one_bit))
    with pytest.raises(NoParity, match="other bits in another batch or thread"):
        parity_checks.check_parity(
            example.model, example.exported.model_bytes, frame_of_films(films), combinations=50
        )


def test_probabilities_that_are_not_the_heads_are_refused(example, films, monkeypatch):
    def one_probability(scores):
        scores.probabilities[0, 3] += 2 * parity_checks.HEAD_TOLERANCE

    monkeypatch.setattr(parity_checks, "Scorer", spoilt(1, one_probability))
    with pytest.raises(NoParity, match="the probabilities differ by"):
        parity_checks.check_parity(
            example.model, example.exported.model_bytes, frame_of_films(films), combinations=50
        )


def test_parity_is_measured_on_all_rows_and_all_combinations(example, films):
    parity = example.exported.parity
    assert (parity.rows, parity.combinations) == (len(films), 500)
    assert parity.expected < limits.ROUNDING_TOLERANCE
    assert parity.probabilities <= parity_checks.HEAD_TOLERANCE
    assert parity.bit_differences == 0


def test_random_combinations_are_of_all_kinds(example):
    asked = random_combinations(example.model, 3_000)
    known = set(example.model.mixed_.careers.names)
    assert 0 < (~asked.director.isin(known)).sum() < 300
    assert (asked.genre1 == "no genre known").any()
    first, last = example.model.table_years_
    assert (asked.year < first).any()
    assert (asked.year > last).any()
    slots = asked[["genre1", "genre2", "genre3"]].to_numpy()
    assert (slots == "None").all(axis=1).any()
    assert (slots != "None").all(axis=1).any()


class _Stretched:
    """A mixed model whose base has been moved far beyond any star."""

    def __init__(self, inner):
        self._inner = inner

    def base(self, years, flags):
        return self._inner.base(years, flags) * 50.0

    def __getattr__(self, name):
        return getattr(self._inner, name)


@pytest.fixture
def export(monkeypatch, tmp_path):
    """`greenlight-train export` of the example's films into an empty folder: folder, outcome."""
    (tmp_path / "key.pem").write_bytes(signing.PrivateKey.new().private_pem())
    out = tmp_path / "exports" / "bundle"
    out.parent.mkdir()
    monkeypatch.setattr("training.dataset.load", lambda *_, **__: example_table())
    prepare = bundle.prepare

    def prepare_little(table, _, **how):
        return prepare(table, small_model(), combinations=100, **how)

    monkeypatch.setattr(bundle, "prepare", prepare_little)

    def run():
        words = ["export", "--out", str(out), "--key", str(tmp_path / "key.pem")]
        return out, CliRunner().invoke(app, words)

    return run


def test_an_export_that_nothing_speaks_against_is_written(export):
    out, done = export()
    assert done.exit_code == 0, done.output
    assert (out / MANIFEST).is_file()
    assert beside(out).is_dir()


@pytest.mark.parametrize("kind", [TableOverflow, ModelTooLarge, UnknownOperator, NoParity])
def test_a_refused_export_writes_nothing(kind, export, monkeypatch):
    if kind is TableOverflow:
        fit = FilmModel.fit

        def stretched(self, *args, **kwargs):
            fit(self, *args, **kwargs)
            self.trees_share_ = 0.0
            self.mixed_ = _Stretched(self.mixed_)
            return self

        monkeypatch.setattr(FilmModel, "fit", stretched)
    elif kind is ModelTooLarge:
        # As if the size had been predicted wrongly; else the table is refused before it is fitted.
        monkeypatch.setattr(limits, "MAX_MODEL_BYTES", 1_000)
        monkeypatch.setattr(fitness, "_check_size", lambda table: None)
    elif kind is UnknownOperator:
        monkeypatch.setattr(parity_checks, "OPERATORS", parity_checks.OPERATORS - {("", "Gather")})
    else:
        monkeypatch.setattr(limits, "ROUNDING_TOLERANCE", 1e-9)
    out, done = export()
    assert isinstance(done.exception, kind)
    assert isinstance(done.exception, ExportRefused)
    assert len(str(done.exception)) > 40
    assert list(out.parent.iterdir()) == []
