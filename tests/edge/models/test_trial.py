"""Signed bundles with bad content are refused in the trial; the active model stays."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from data.manifest import CATALOGUE, MODEL, PROBES
from edge.models.activation import Refused, UpdateState
from edge.models.trial import try_model

from .spoiled_graphs import (
    Spoil,
    document,
    doubled_probabilities,
    endless,
    external_data,
    external_data_in_an_attribute,
    foreign_operator,
    graph,
    greedy,
    hurried,
    nan_everywhere,
    nan_in_one_year,
    off_by_one_bit,
    off_probability,
    other_table,
    own_function,
    renamed_input,
    unknown_operator,
    unsorted_directors,
    without_output,
)

BAD: dict[str, tuple[Spoil, str]] = {
    "model no graph": (
        lambda files: {MODEL: b"no graph at all" * 100},
        "of another kind",
    ),
    "model empty": (lambda files: {MODEL: b""}, "ONNX's format 8"),
    "model half a graph": (lambda f: {MODEL: f[MODEL][: len(f[MODEL]) // 2]}, "is cut short"),
    "probes no JSON": (lambda files: {PROBES: b"\xff"}, "isn't JSON"),
    "probes of the future": (
        document(PROBES, lambda probes: probes.update(schema_version=2)),
        "schema_version",
    ),
    "no probes": (document(PROBES, lambda probes: probes.update(probes=[])), "is empty"),
    "any tolerance": (document(PROBES, lambda probes: probes.update(tolerance=9.0)), "tolerance"),
    "catalogue no JSON": (lambda files: {CATALOGUE: b"{"}, "isn't JSON"),
    "catalogue out of order": (document(CATALOGUE, unsorted_directors), "order"),
    "catalogue without genres": (
        document(CATALOGUE, lambda catalogue: catalogue.update(genres=[])),
        "genres",
    ),
    "foreign operator": (
        graph(foreign_operator),
        "sets ai.onnx 18, 'ai.onnx.ml' 3, 'com.microsoft' 1; this software runs ai.onnx 18,",
    ),
    "unknown operator": (graph(unknown_operator), "uses the operator 'Frobnicate'"),
    "function of its own": (graph(own_function), "the model has a field 25"),
    "external data": (graph(external_data), "the tensor has a field 13"),
    "external data in an attribute": (
        graph(external_data_in_an_attribute),
        "the attribute has a field 5",
    ),
    "no expected": (graph(without_output("expected")), "lacks the output 'expected'"),
    "no probabilities": (graph(without_output("probabilities")), "lacks the output"),
    "an input renamed": (graph(renamed_input), "failed in its trial"),
    "NaN for all": (graph(nan_everywhere), "isn't finite"),
    "NaN where no probe looks": (nan_in_one_year, "isn't finite"),
    "probabilities of two": (doubled_probabilities, "don't add up"),
    "a probe off by one bit": (document(PROBES, off_by_one_bit), "a probe expects other stars"),
    "a probability off": (document(PROBES, off_probability), "a probe expects other probabilities"),
    "too slow for its own budget": (document(PROBES, hurried), "its probes took"),
    "too much memory": (graph(greedy), "memory"),
    "tables that differ from the graph": (graph(other_table), "otherwise than its graph"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_signed_bundle_with_bad_content_is_refused(device, rebundle, small_bundle, kind):
    spoil, reason = BAD[kind]
    before, pointer = device.answers(), device.store.read()
    sha256 = rebundle(device.incoming / "2", spoil(dict(small_bundle.files)))
    state, why = device.update(device.offer("2", 2, sha256))
    assert state is UpdateState.REFUSED
    assert reason in why
    device.assert_refused_and_unchanged(before, pointer)


def test_an_endless_model_is_stopped(device, rebundle, small_bundle):
    before, pointer = device.answers(), device.store.read()
    sha256 = rebundle(device.incoming / "2", graph(endless)(dict(small_bundle.files)))
    state, why = device.update(device.offer("2", 2, sha256), seconds=4.0)
    assert state is UpdateState.REFUSED
    assert why == "did not finish its trial within 4 s"
    device.assert_refused_and_unchanged(before, pointer)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -SEGV $$", "crashed in its trial (SIGSEGV)"),
        ("kill -ABRT $$", "crashed in its trial (SIGABRT)"),
        ("kill -XCPU $$", "too much processor time"),
        ("echo ok; exit 7", "failed in its trial (exit code 7)"),
        ("echo almost ok; exit 0", "failed in its trial (exit code 0)"),
        ("yes", "failed in its trial (exit code 153)"),
    ],
)
def test_a_child_that_ends_otherwise_than_with_ok_is_a_refusal(
    tmp_path: Path, monkeypatch, script, reason
):
    """No known operator reliably crashes ONNX Runtime, so the child here is a shell."""
    child = tmp_path / "child"
    child.write_text(f"#!/bin/sh\nulimit -f 16\n{script}\n")
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    with pytest.raises(Refused, match="trial") as caught:
        try_model(tmp_path, tmp_path, tmp_path, seconds=10.0, memory_bytes=100_000_000)
    assert reason in str(caught.value)
