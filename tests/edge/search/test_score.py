"""A whole table scored, file to file."""

import csv
import random

import numpy as np
import pytest

from data.errors import InvalidRecord
from data.film_table import COLUMNS as FILM_COLUMNS
from data.film_table import TableUnreadable
from data.films import combination
from edge.search.score import score_file

from .made_up import model as made_up_model

pytestmark = pytest.mark.numeric

MODEL = made_up_model(21)
NAMES = [entry.name for entry in MODEL.catalogue.directors]
TITLES = ["Lucky (2011/III)", 'The "Ark", or Truth', "Two\nlines", "雨", "Plain", "tab\there"]


def rows(count, seed=0):
    rng = random.Random(seed)
    for _ in range(count):
        genres = rng.sample([*MODEL.catalogue.genres, "None", "Unheard of"], 3)
        who = rng.choice([*NAMES, "Nobody, Ever"])
        yield [rng.choice(TITLES), rng.randint(1995, 2030), who, *genres, rng.randint(1, 10)]


def write(path, table, header=FILM_COLUMNS):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerow(header)
        writer.writerows(table)
    return path


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_every_row_is_scored_in_order_with_every_digit(tmp_path, suffix):
    # More than two blocks, so that their seams are seen.
    table = list(rows(36_000))
    source = write(tmp_path / f"films{suffix}", table)
    progress = []
    done = score_file(MODEL, source, tmp_path / f"out{suffix}", lambda *now: progress.append(now))
    header, *found = read(tmp_path / f"out{suffix}")
    numbers = ["expected", *(f"p{n}" for n in range(1, 11))]
    assert header == ["title", "year", "director", *numbers, "unknown"]
    assert done.rows == len(found) == len(table)
    assert [row[:3] for row in found] == [[row[0], str(row[1]), row[2]] for row in table]
    said = MODEL.predict([combination(row[2], row[1], row[3:6]) for row in table[:500]])
    for row, prediction in zip(found[:500], said, strict=True):
        assert [float(cell) for cell in row[3:-1]] == [
            prediction.expected,
            *prediction.probabilities,
        ]
    assert progress[-1] == (source.stat().st_size, len(table))
    assert sorted(progress) == progress


def test_plain_titles_need_no_quotes_but_for_their_commas(tmp_path):
    table = [
        ["Ark, The", 2001, NAMES[0], "None", "None", "None", 5],
        ["Ark", 2001, "X, Y", *"abc", 5],
    ]
    score_file(MODEL, write(tmp_path / "films.csv", table), tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1].startswith('"Ark, The",2001,')
    assert lines[2].startswith('Ark,2001,"X, Y",')


def test_numbers_read_back_as_the_models_own_float32(tmp_path):
    source = write(tmp_path / "films.csv", rows(200))
    score_file(MODEL, source, tmp_path / "out.csv")
    for row in read(tmp_path / "out.csv")[1:]:
        for cell in row[3:-1]:
            assert float(np.float32(cell)) == float(cell)


def test_names_that_the_model_does_not_know_are_named_by_row_and_counted(tmp_path):
    genre = MODEL.catalogue.genres[0]
    table = [
        ["Known", 2001, NAMES[0], genre, "None", "", 5],
        ["New", 2001, "Nobody", "Opera", genre, "None", 5],
        ["List", 2001, NAMES[0], "Opera|Drama", "None", "None", 5],
    ]
    done = score_file(MODEL, write(tmp_path / "films.csv", table), tmp_path / "out.csv")
    several = "genre 'Opera|Drama': several in a cell; give one"
    assert [row[-1] for row in read(tmp_path / "out.csv")[1:]] == [
        "",
        "director 'Nobody'; genre 'Opera'",
        several,
    ]
    assert done.unknown == {"director 'Nobody'": 1, "genre 'Opera'": 1, several: 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((1, "soon"), r"`year` in row 30 is 'soon'"),
        ((2, "  "), r"`Director1` in row 30 is empty"),
        ((slice(5, 7), []), r"row 30 has 5 cells"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_left_behind(tmp_path, change, said):
    table = list(rows(50))
    table[29][change[0]] = change[1]
    source = write(tmp_path / "films.csv", table)
    target = tmp_path / "out.csv"
    target.write_text("from before")
    with pytest.raises(InvalidRecord, match=said):
        score_file(MODEL, source, target)
    assert target.read_text() == "from before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films.csv", "out.csv"]


def test_a_file_that_is_not_a_film_table_says_what_it_lacks(tmp_path):
    source = write(tmp_path / "films.csv", [], ["title", "year"])
    with pytest.raises(TableUnreadable, match="'Director1'"):
        score_file(MODEL, source, tmp_path / "out.csv")
    with pytest.raises(TableUnreadable, match="No such file"):
        score_file(MODEL, tmp_path / "none.csv", tmp_path / "out.csv")


def test_only_the_columns_it_needs_are_asked_for(tmp_path):
    table = [[row[2], "x", *row[3:6], row[1], row[0]] for row in rows(5)]
    header = ["Director1", "more", "Genre1", "Genre2", "Genre3", "year", "title"]
    assert score_file(MODEL, write(tmp_path / "a.csv", table, header), tmp_path / "b.csv").rows == 5
    assert [row[0] for row in read(tmp_path / "b.csv")[1:]] == [row[6] for row in table]
