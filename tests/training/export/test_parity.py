"""Nothing is exported that has not been proved, and a refusal leaves no trace."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from data import limits
from training.errors import ExportRefused, ModelTooLarge, NoParity, TableOverflow, UnknownOperator
from training.export import bundle
from training.export import parity as parity_checks
from training.export.example_bundle import example_table, small_model
from training.model.combinations import random_combinations
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
    with pytest.raises(ModelTooLarge, match="8,388,608"):
        parity_checks.check_file(padded)


def test_another_models_file_has_no_parity(example, films):
    other = small_model(seed=3).fit(frame_of_films(films), np.full(len(films), 5.0))
    with pytest.raises(NoParity, match="scikit-learn and ONNX differ"):
        parity_checks.check_parity(
            other, example.exported.model_bytes, frame_of_films(films), combinations=50
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


@pytest.mark.parametrize("kind", [TableOverflow, ModelTooLarge, UnknownOperator, NoParity])
def test_a_refused_export_writes_nothing(kind, monkeypatch, tmp_path):
    model = small_model()
    if kind is TableOverflow:
        fit = type(model).fit

        def stretched(self, *args, **kwargs):
            fit(self, *args, **kwargs)
            self.trees_share_ = 0.0
            self.mixed_ = _Stretched(self.mixed_)
            return self

        monkeypatch.setattr(type(model), "fit", stretched)
    elif kind is ModelTooLarge:
        monkeypatch.setattr(limits, "MAX_MODEL_BYTES", 1_000)
    elif kind is UnknownOperator:
        monkeypatch.setattr(parity_checks, "OPERATORS", parity_checks.OPERATORS - {("", "Gather")})
    else:
        monkeypatch.setattr(limits, "ROUNDING_TOLERANCE", 1e-9)
    with pytest.raises(kind) as refused:
        bundle.prepare(example_table(), model, version=1, combinations=100)
    assert isinstance(refused.value, ExportRefused)
    assert len(str(refused.value)) > 40
    assert not list(tmp_path.iterdir())
