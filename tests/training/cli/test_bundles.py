"""`greenlight-train export`: one command from films to a signed bundle and its report."""

import re

from data.bundle import read_bundle
from training.export.catalogue import titles_of


def test_progress_and_a_closing_summary_with_figures(exported):
    _, _, output = exported
    shares = [int(n) for n in re.findall(r"train-export: +(\d+)%", output)]
    assert shares == sorted(shares)
    assert len(shares) >= 8
    for words in ("scikit-learn against ONNX", "model.onnx", "RMSE", "took"):
        assert words in output


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


def test_titles_lose_year_and_kind_and_words_lose_stop_words():
    films = ("Lucky (2011/III)", "Stargate: The Ark of Truth (2008) (V)", "8½ (1963)")
    found = titles_of(films)
    # Of these three words alone, only one of the titles could be invented again.
    assert found.existing == ("lucky",)
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
