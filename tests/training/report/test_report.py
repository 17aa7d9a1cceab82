"""The report: one file that loads nothing, signed with the model."""

import re

import msgspec

from data.bundle import beside, read_bundle
from data.film_table import BadRow
from data.manifest import REPORT
from training.dataset import FilmTable
from training.evaluation import benchmark, optimism
from training.evaluation.baselines import BASELINES
from training.evaluation.breakdown import GENRE, Part, WorstFilm
from training.evaluation.methods import METHODS
from training.evaluation.metrics import NAMES
from training.evaluation.picks import CHANCE, ORACLE, PickedStars
from training.export.summary import read_summary
from training.report import render
from training.report.first_page import lines


def measured_of(table: FilmTable) -> benchmark.Benchmark:
    """A benchmark with made-up figures: to the page they are as good as real ones."""
    figures = {
        m: {part: dict.fromkeys(NAMES, 0.5 + 0.1 * i) for part in ("all", "seen", "unseen")}
        for i, m in enumerate(METHODS)
    }
    whole = {m: {"rmse": 0.9, "regret": 0.5} for m in BASELINES}
    hidden = {"director": 1.3, "year": 1.1, "genres": 1.2}
    split = benchmark.SplitResult("random 1", 70, 30, figures, whole, hidden, {36: 0.01, 360: 0.2})
    picks = tuple(
        PickedStars(method, 36, 7.5, 7.2, 7.8, 0.31, 0.11, 0.51)
        for method in (*METHODS, ORACLE, CHANCE)
    )
    return benchmark.Benchmark(
        films_sha256=table.sha256,
        settings=benchmark.settings(),
        random=(split,) * 5,
        in_time=msgspec.structs.replace(split, name="after 2000", optimism={}),
        invented=optimism.Invented(8.4, 8.0),
        confusion=tuple((1,) * 10 for _ in range(10)),
        calibration=((0.5, 0.6, 100),),
        picks=picks,
        picks_in_time=picks,
        curve=(benchmark.CurvePoint(50, 1.0, 1.4), benchmark.CurvePoint(100, 0.9, 1.3)),
        parts=(Part(GENRE, "Drama", 90, 0.9, 0.1),),
        worst=(WorstFilm("A <b>film</b>", "A director", 2, 7.4),),
        repeats=0,
    )


STORY = (
    "Films per year", "Ratings", "Mean rating by year", "Films per genre",
    "Genre ratings over time", "Genre share over time", "Directors with the most films",
    "mean rating by number of films", "Best directors with more than 20 films",
)  # fmt: skip


def test_the_report_beside_the_bundle_shows_the_model_and_the_data(exported):
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
    for words in (
        "What it learned from", "picks 0.31 stars worse (95% interval 0.11 to 0.51)",
        "Without the director it would be 1.30 off", "Learning curve", "Error by genre",
        "with the largest errors", "A &lt;b&gt;film&lt;/b&gt;", "from whole", "Intended use",
        "scikit-learn ",
    ):  # fmt: skip
        assert words in page


def test_the_first_page_is_about_ten_lines_and_says_where_nothing_was_shown(films):
    table = FilmTable("csv", "films.csv", films, [])
    measured = measured_of(table)
    assert 8 <= len(lines(table, None, measured)) <= 10
    even = tuple(msgspec.structs.replace(p, lead_low=-0.1) for p in measured.picks)
    said = lines(table, None, msgspec.structs.replace(measured, picks=even))
    assert "picks about as well" in said["Compared with a simple rule"]
    found = lines(table, None, None)
    assert "make report" in found.get("Compared with other methods", "make report")


def test_rejects_are_shown_by_reason_and_repeats_are_counted(films):
    bad = [
        BadRow(3, "year: is missing", ()),
        BadRow(4, "year: is 'x'", ()),
        BadRow(9, "stars: no", ()),
    ]
    page = render(FilmTable("csv", "films.csv", [*films, films[0]], bad), None, None)
    assert "year: 2, stars: 1" in page
    assert "1 of them repeat" in page


def test_the_report_is_signed_with_the_model_and_is_beside_it_too(exported):
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
