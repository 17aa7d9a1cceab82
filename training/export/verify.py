"""Checks that a bundle is complete, signed and valid, and that its model reproduces its probes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from data.bundle import BundleRefused, read_bundle
from data.errors import GreenlightError, InvalidRecord
from data.manifest import Provenance, TrainingSource
from data.probes import Probes
from training.errors import ExportRefused
from training.export import parity
from training.export.converter import INPUTS, OUTPUTS
from training.export.runtime import Scorer, UnreadableModel
from training.model.records import frame_of_combinations


class BundleCheck(msgspec.Struct, frozen=True):
    """What verify found; `error` is None if everything is fine."""

    folder: str
    ok: bool
    error: str | None = None
    name: str = ""
    version: int = 0
    model_hash: str = ""
    key_id: str = ""
    probes: int = 0
    training: TrainingSource | None = None
    provenance: Provenance | None = None


class ProbeFailed(GreenlightError):
    """The model's predictions differ from its probes."""


def verify(folder: Path, public_keys: Mapping[str, bytes]) -> BundleCheck:
    """Check signature, hashes, schema and probes of a bundle."""
    try:
        bundle = read_bundle(folder, public_keys)
        bundle.catalogue()
        parity.check_file(bundle.model)
        probes = bundle.probes()
        scorer = Scorer(bundle.model)
        _check_schema(scorer)
        _check_probes(scorer, probes)
    except (BundleRefused, InvalidRecord, UnreadableModel, ProbeFailed, ExportRefused) as error:
        return BundleCheck(str(folder), ok=False, error=f"{type(error).__name__}: {error}")
    manifest = bundle.manifest
    return BundleCheck(
        str(folder),
        ok=True,
        name=manifest.name,
        version=manifest.version,
        model_hash=manifest.model_hash,
        key_id=manifest.key_id,
        probes=len(probes.probes),
        training=manifest.training,
        provenance=manifest.origin,
    )


def _check_schema(scorer: Scorer) -> None:
    inputs = [name for name, _, _ in scorer.tensors(inputs=True)]
    outputs = [name for name, _, _ in scorer.tensors(inputs=False)]
    for what, found, wanted in (("input", inputs, INPUTS), ("output", outputs, OUTPUTS)):
        missing = [name for name in wanted if name not in found]
        if missing:
            raise InvalidRecord("model.onnx", f"has no {what} {missing[0]!r}")


def _check_probes(scorer: Scorer, probes: Probes) -> None:
    scores = scorer.score(frame_of_combinations(p.combination for p in probes.probes))
    expected = np.array([p.expected for p in probes.probes], np.float32)
    if not np.array_equal(expected.view(np.int32), scores.expected.view(np.int32)):
        raise ProbeFailed("the model gives other expected stars than its probes say")
    wanted = np.array([p.probabilities for p in probes.probes])
    if not np.abs(wanted - scores.probabilities).max() <= probes.tolerance:
        raise ProbeFailed("the model gives other probabilities than its probes say")
