"""An export's bundle is signed, numbered, and has its arrays beside it."""

import numpy as np

from data.bundle import beside, read_bundle
from data.manifest import ARRAYS
from training.export.arrays import load_arrays
from training.export.bundle import next_version
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


def test_the_arrays_beside_it_say_what_the_probes_say(exported):
    folder, keys, _ = exported
    bundle, arrays = read_bundle(folder, keys), load_arrays(beside(folder) / ARRAYS)
    assert arrays.model_hash == bundle.model_hash
    probes = bundle.probes().probes
    said = arrays.model.predict(frame_of_combinations(p.combination for p in probes))
    assert np.abs(said - [p.expected for p in probes]).max() < 1e-3
