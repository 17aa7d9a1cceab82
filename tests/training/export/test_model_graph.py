"""What the ONNX file promises to its users."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest

from training.export.converter import to_onnx
from training.export.example_bundle import example_table, small_model
from training.export.runtime import Scorer
from training.model.combinations import random_combinations
from training.model.records import frame_of_films, ratings_of

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def asked(example):
    return random_combinations(example.model, 1_500, seed=9)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 7, 1_500])
def test_expected_has_the_same_bits_in_every_batch_and_thread(example, asked, threads, batch):
    whole = example.scorer.score(asked)
    other = Scorer(example.exported.model_bytes, threads=threads).score(asked, batch=batch)
    assert np.array_equal(whole.expected.view(np.int32), other.expected.view(np.int32))
    assert np.abs(whole.probabilities - other.probabilities).max() <= 1e-6


def test_slots_carry_no_order_and_repeats_count_once(example):
    rows = [
        ("Director 0003", 1980, "Drama", "Comedy", "None"),
        ("Director 0003", 1980, "None", "Comedy", "Drama"),
        ("Director 0003", 1980, "Comedy", "Drama", "Comedy"),
        ("Director 0003", 1980, "Comedy", "Drama", "no genre known"),
    ]
    assert len(set(example.scorer.score(rows).score)) == 1


def test_years_outside_of_the_tables_count_as_the_nearest_inside(example):
    first, last = example.model.table_years_
    rows = [("Director 0003", y, "Drama", "None", "None") for y in (first, 1, last, 9999)]
    before, long_before, after, long_after = example.scorer.score(rows).score
    assert before == long_before
    assert after == long_after


def test_an_unknown_director_reads_the_last_row(example):
    tables = example.scorer.tables()
    assert len(tables["table_director_year"]) == len(example.model.mixed_.careers.names) + 1
    rows = [(d, 1980, "Drama", "None", "None") for d in ("who?", "", "Director 9999")]
    assert len(set(example.scorer.score(rows).score)) == 1


def test_the_tables_come_out_of_the_graph_as_documented(example):
    tables = example.scorer.tables()
    directors, genres = (
        len(example.model.mixed_.careers.names),
        len(example.model.genre_sets_.genres),
    )
    sets, years = example.model.genre_sets_.count, np.ptp(example.model.table_years_) + 1
    kinds = {name: (table.dtype.name, table.shape) for name, table in tables.items()}
    levels = kinds["table_director_level"][1][1]
    entries = kinds["table_director_genres"][1][0]
    assert kinds == {
        "table_director_year": ("int16", (directors + 1, years)),
        "table_director_genres": ("int16", (entries,)),
        "table_year_genres": ("int16", (years, sets + 1)),
        "table_director_genre": ("int16", (directors + 1, genres + 1)),
        "table_director_level": ("int16", (directors + 1, levels)),
        "table_own_genre": ("uint8", (directors + 1, genres + 1)),
        "table_offset": ("int64", (directors + 1,)),
        "table_set_level": ("int64", (sets + 1,)),
        "table_constant": ("int32", (1,)),
    }
    assert not tables["table_director_genre"][:, -1].any()
    assert not tables["table_own_genre"][:, -1].any()


def test_the_same_films_seed_and_versions_give_the_same_bytes(example):
    table = example_table()
    again = small_model().fit(frame_of_films(table.films), ratings_of(table.films))
    assert to_onnx(again) == example.exported.model_bytes
    assert to_onnx(again) == example.exported.model_bytes


@pytest.mark.parametrize("hash_seed", ["1", "2", "3"])
def test_another_process_gives_the_same_bytes(example, hash_seed):
    code = (
        "import hashlib; from training.export.example_bundle import *;"
        "from training.export.converter import *;"
        "from training.model.records import *; films = example_table().films;"
        "model = small_model().fit(frame_of_films(films), ratings_of(films));"
        "print(hashlib.sha256(to_onnx(model)).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == hashlib.sha256(example.exported.model_bytes).hexdigest()


def test_every_genre_count_from_one_to_many_converts():
    rows = [("A", 1990 + i % 9, "Drama", "None", "None") for i in range(40)]
    model = small_model().fit(rows, np.linspace(4, 8, 40))
    content = to_onnx(model)
    onnx.checker.check_model(onnx.load_from_string(content))
    assert np.abs(Scorer(content).score(rows).expected - model.predict(rows)).max() < 1e-3
