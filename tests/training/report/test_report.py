"""The report: one file that loads nothing, signed with the model."""

import json
import re

import msgspec

from data.bundle import beside, read_bundle
from data.manifest import REPORT
from training.dataset import FilmTable
from training.evaluation import benchmark, optimism
from training.evaluation.methods import METHODS
from training.evaluation.metrics import NAMES
from training.export.summary import read_summary
from training.report import render


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
