"""A benchmark is saved with the hash of its film table."""

import json

import msgspec

from data.bundle import beside
from training.dataset import FilmTable
from training.evaluation import benchmark
from training.export.summary import read_summary

from ..report.test_report import measured_of


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
