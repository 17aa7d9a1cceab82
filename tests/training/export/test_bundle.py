"""An export's bundle is signed, numbered, and has its pipeline beside it."""

import numpy as np

from data.bundle import beside, read_bundle
from data.manifest import PIPELINE
from training.export.bundle import load_pipeline, next_version
from training.model.records import frame_of_combinations


def test_the_bundle_is_signed_and_versions_grow(exported, films):
    folder, keys, _ = exported
    manifest = read_bundle(folder, keys).manifest
    assert manifest.version == 1
    assert next_version(folder) == 2
    assert next_version(folder / "nothing here") == 1
    assert manifest.training.rows == len(films)
    assert manifest.metrics["cross_validated_rmse"] > 0
    assert [t.name for t in manifest.inputs] == ["director", "year", "genre1", "genre2", "genre3"]
    assert [t.dtype for t in manifest.inputs] == ["string", "int64", "string", "string", "string"]
    assert "expected" in [t.name for t in manifest.outputs]


def test_the_pipeline_beside_it_says_what_the_probes_say(exported):
    folder, keys, _ = exported
    bundle, pipeline = read_bundle(folder, keys), load_pipeline(beside(folder) / PIPELINE)
    assert pipeline.model_hash == bundle.model_hash
    probes = bundle.probes().probes
    said = pipeline.model.predict(frame_of_combinations(p.combination for p in probes))
    assert np.abs(said - [p.expected for p in probes]).max() < 1e-3
