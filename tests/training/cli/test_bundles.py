"""`greenlight-train export`: one command from films to a signed bundle and its report."""

import json
import re

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from data import signing
from data.bundle import beside, read_bundle
from data.film_table import write_films
from data.films import Film
from data.manifest import PIPELINE, REPORT
from training.cli import app
from training.dataset import FilmTable
from training.evaluation import benchmark, optimism
from training.evaluation.methods import METHODS
from training.evaluation.metrics import NAMES
from training.export.bundle import load_pipeline, next_version
from training.export.catalogue import titles_of
from training.export.summary import read_summary
from training.model.records import frame_of_combinations
from training.report import render


@pytest.fixture(scope="module")
def exported(films, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    write_films(folder / "films.csv", films)
    key = signing.PrivateKey.new()
    (folder / "key.pem").write_bytes(key.private_pem())
    arguments = ["export", "--source", "csv", "--ratings", folder / "films.csv", "--jobs", "1",
                 "--out", folder / "bundle", "--key", folder / "key.pem"]  # fmt: skip
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return folder / "bundle", {key.key_id: key.public_pem}, result.output


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


def measured_of(table: FilmTable) -> benchmark.Benchmark:
    """A benchmark with made-up figures: the page does not care where they are from."""
    figures = {
        m: {part: dict.fromkeys(NAMES, 0.5 + 0.1 * i) for part in ("all", "seen", "unseen")}
        for i, m in enumerate(METHODS)
    }
    split = benchmark.SplitResult("random 1", 70, 30, figures, {36: 0.01, 360: 0.2})
    return benchmark.Benchmark(
        table.sha256, benchmark.settings(), (split,) * 5,
        benchmark.SplitResult("after 2000", 70, 30, figures, {}),
        optimism.Invented(8.4, 8.0), tuple((1,) * 10 for _ in range(10)), ((0.5, 0.6, 100),),
    )  # fmt: skip


STORY = (
    "Films per year", "Ratings", "Mean rating by year", "Films per genre",
    "Genre ratings over time", "Genre share over time", "Directors with most films",
    "against number of films", "Best directors with more than 20 films",
)  # fmt: skip


def test_the_report_beside_the_bundle_tells_the_model_and_the_story(exported):
    folder, _, _ = exported
    page = (beside(folder) / REPORT).read_text(encoding="utf-8")
    for words in ("Confusion matrix", "Calibration", "scikit-learn against ONNX", *STORY):
        assert words in page


def test_the_full_report_adds_splits_baselines_and_optimism(exported, films):
    table = FilmTable("csv", "films.csv", films, [])
    summary = read_summary(beside(exported[0]), table.sha256)
    assert summary is not None
    page = render(table, summary, measured_of(table))
    for words in (*METHODS, "Split in time", "Optimism of the best", "after 2000", *STORY):
        assert words in page


def test_the_report_is_signed_with_the_model_and_lies_beside_it_too(exported):
    folder, keys, _ = exported
    bundle = read_bundle(folder, keys)
    assert bundle.files[REPORT] == (beside(folder) / REPORT).read_bytes()
    # The version it names is this one.
    assert f"Version {bundle.manifest.version}, " in bundle.files[REPORT].decode()
    assert bundle.model_hash in bundle.files[REPORT].decode()


def test_the_report_keeps_to_a_page_that_forbids_inline_style(exported):
    page = (beside(exported[0]) / REPORT).read_text(encoding="utf-8")
    assert page.count("<style") == 1
    assert not re.search(r"<[^>]*\s(style|on\w+)=", page)
    names = re.findall(r'\sid="([^"]+)"', page)
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', page))
    assert set(names) >= wanted
    letters = [name for name in names if name.startswith("DejaVu")]
    assert len(letters) == len(set(letters))


def test_the_report_is_one_file_that_loads_nothing(exported):
    page = (beside(exported[0]) / REPORT).read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|iframe|img)\b", page)
    assert not re.search(r"(src|href)=\"(?!#|data:)", page)
    assert not re.search(r"url\((?!['\"]?(#|data:))", page)
    assert page.count("<figure ") == page.count("aria-label=")


def test_figures_of_other_films_do_not_enter_the_report(exported, films, tmp_path):
    table = FilmTable("csv", "films.csv", films, [])
    benchmark.save(tmp_path, measured_of(table))
    assert benchmark.load(tmp_path, table.sha256) is not None
    assert benchmark.load(tmp_path, "0" * 64) is None
    older = msgspec.structs.replace(measured_of(table), settings={"trees": 3.0})
    benchmark.save(tmp_path, older)
    assert benchmark.load(tmp_path, table.sha256) is None
    assert read_summary(beside(exported[0]), "0" * 64) is None
    assert json.loads((tmp_path / "benchmark.json").read_text())["random"][0]["train"] == 70
