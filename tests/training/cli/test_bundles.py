"""`greenlight-train export`: one command from films to a signed bundle and its report."""

import re

import numpy as np

from data.bundle import beside, read_bundle
from data.films import Film
from data.manifest import PIPELINE
from training.export.bundle import load_pipeline, next_version
from training.export.catalogue import titles_of
from training.model.records import frame_of_combinations


def test_progress_and_a_closing_summary_with_figures(exported):
    _, _, output = exported
    shares = [int(n) for n in re.findall(r"train-export: +(\d+)%", output)]
    assert shares == sorted(shares)
    assert len(shares) >= 8
    for words in ("scikit-learn against ONNX", "model.onnx", "RMSE", "took"):
        assert words in output


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


def test_the_catalogue_describes_the_films(exported, films):
    folder, keys, _ = exported
    catalogue = read_bundle(folder, keys).catalogue()
    assert [d.name for d in catalogue.directors] == sorted({f.director for f in films})
    assert sum(d.films for d in catalogue.directors) == len(films)
    assert catalogue.training_years == (min(f.year for f in films), max(f.year for f in films))
    assert catalogue.years.last == catalogue.training_years.last + 10
    assert 32 <= len(catalogue.background) <= 256
    some = catalogue.directors[3]
    own = {g for f in films if f.director == some.name for g in f.genres}
    assert {catalogue.genres[i] for i in some.genres} == own


def test_the_pipeline_beside_it_says_what_the_probes_say(exported):
    folder, keys, _ = exported
    bundle, pipeline = read_bundle(folder, keys), load_pipeline(beside(folder) / PIPELINE)
    assert pipeline.model_hash == bundle.model_hash
    probes = bundle.probes().probes
    said = pipeline.model.predict(frame_of_combinations(p.combination for p in probes))
    assert np.abs(said - [p.expected for p in probes]).max() < 1e-3


def test_titles_lose_year_and_kind_and_words_lose_stop_words():
    films = [
        Film(title, 2000, "A B", ("Drama",), "film", 6)
        for title in ("Lucky (2011/III)", "Stargate: The Ark of Truth (2008) (V)", "8½ (1963)")
    ]
    found = titles_of(films)
    assert found.existing == ("8½", "lucky", "stargate: the ark of truth")
    assert found.words == ("ark", "lucky", "stargate", "truth")


def test_a_refusal_is_one_line_and_exit_code_one(tmp_path):
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "training", "export", "--source", "csv", "--out", tmp_path / "b"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "name it with --ratings" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "b").exists()
