"""Film tables from every kind of file people have, with nothing dropped in silence."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.film_table import read_rows, write_films
from data.films import Film
from training import sources
from training.cli import app
from training.dataset import load, rejects_path
from training.errors import SourceUnavailable, TooManyBadRows
from training.sources import Reader

HEADER = "title,year,Director1,Genre1,Genre2,Genre3,stars\n"


def table(tmp_path: Path, text: str, name: str = "films.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def only(tmp_path: Path, row: str, name: str = "films.csv", header: str = HEADER) -> Film:
    films = load(name[-3:], table(tmp_path, header + row, name)).films
    assert len(films) == 1
    return films[0]


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ('"Crouching, Hidden (2000)",2000,Ang Lee,Drama,None,None,8', "title",
         "Crouching, Hidden (2000)"),
        ("Lucky (2011/III),2011,A B,Drama,None,None,6", "title", "Lucky (2011/III)"),
        ("Stargate (2008) (V),2008,A B,Drama,None,None,6", "kind", "video"),
        ("Roots (1977) (TV),1977,A B,Drama,None,None,6", "kind", "tv"),
        ("Doom (1993) (VG),1993,A B,Action,None,None,6", "kind", "game"),
        ("Some Film (1999),1999,A B,Drama,None,None,6", "kind", "film"),
        ("Some Film (1999),1994-1998,A B,Drama,None,None,6", "year", 1994),
        ("Some Film (1999),2009.0,A B,Drama,None,None,6", "year", 2009),
        ("Some Film (1999),1999,Agnès Varda,None,Drama,Comedy,6", "genres", ("Comedy", "Drama")),
        ("Some Film (1999),1999,Agne\u0300s Varda,Drama,None,None,6", "director", "Agnès Varda"),
        ('"He said ""no"" (1999)",1999,張藝謀,Drama,Drama,None,6', "genres", ("Drama",)),
        ("Some Film (1999),1999,張藝謀,Drama,None,None,6", "director", "張藝謀"),
    ],
)  # fmt: skip
def test_a_row_is_read_as_a_person_would(tmp_path: Path, row: str, field: str, value: object):
    assert getattr(only(tmp_path, row + "\n"), field) == value


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path):
    text = "\ufeff" + HEADER + "Film (1999),1999,A B,Drama,None,None,6\n"
    assert load("csv", table(tmp_path, text.replace("\n", "\r\n"))).films[0].director == "A B"


def test_a_tsv_may_hold_commas_and_quoted_tabs(tmp_path: Path):
    row = "Crouching, Hidden (2000)\t2000\tAng Lee\tDrama\tNone\tNone\t8\t7.9\t120\n"
    film = only(tmp_path, row, "films.tsv", HEADER.strip().replace(",", "\t") + "\trating\tvotes\n")
    assert (film.title, film.rating, film.votes) == ("Crouching, Hidden (2000)", 7.9, 120)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_may_be_separated_by_semicolons_or_tabs(tmp_path: Path, separator: str):
    row = "Film (1999),1999,A B,Drama,None,None,6\n"
    film = only(tmp_path, row.replace(",", separator), header=HEADER.replace(",", separator))
    assert (film.title, film.director) == ("Film (1999)", "A B")


def test_headers_match_in_any_case_and_votes_may_have_thousands_separators(tmp_path: Path):
    header = "Title,YEAR,director1,Genre 1,Genre 2,Genre 3,Stars,Rating,Votes\n"
    film = only(tmp_path, 'Film (1999),1999,A B,Drama,None,None,6,6.1,"26,390"\n', header=header)
    assert (film.year, film.rating, film.votes) == (1999, 6.1, 26_390)


def test_a_table_in_utf_16_is_read_like_one_in_utf_8(tmp_path: Path):
    path = tmp_path / "films.csv"
    path.write_bytes((HEADER + "Film (1999),1999,張藝謀,Drama,None,None,6\n").encode("utf-16"))
    assert load("csv", path).films[0].director == "張藝謀"


def test_a_column_twice_is_refused_with_the_line(tmp_path: Path):
    twice = table(tmp_path, HEADER.strip() + ",Stars\n")
    with pytest.raises(SourceUnavailable, match=r"line 1 has the column 'stars' twice \(columns 7"):
        load("csv", twice)


def test_bad_rows_are_written_down_with_file_line_and_reason(tmp_path: Path):
    good = "".join(f"Film {i} (1999),1999,A B,Drama,None,None,6\n" for i in range(60))
    path = table(tmp_path, HEADER + good + "Bad (1999),19x9,A B,Drama,None,None,6\n")
    rejects = tmp_path / "rejects.csv"
    found = load("csv", path, rejects=rejects)
    assert (len(found.films), len(found.rejects)) == (60, 1)
    with rejects.open(encoding="utf-8") as file:
        header, row = list(csv.reader(file))
    assert header[:3] == ["file", "line", "reason"]
    assert row[:2] == [str(path), "62"]
    assert row[2].startswith("`year`")
    assert row[3:5] == ["Bad (1999)", "19x9"]


def test_over_five_percent_bad_rows_stop_the_run_unless_allowed(tmp_path: Path):
    good = "".join(f"Film {i} (1999),1999,A B,Drama,None,None,6\n" for i in range(10))
    path = table(tmp_path, HEADER + good + "Bad (1999),1999,A B,Drama,None,None,11\n")
    rejects = tmp_path / "rejects.csv"
    with pytest.raises(TooManyBadRows, match=r"1 of 11 rows are bad .* line 12: `stars`"):
        load("csv", path, rejects=rejects)
    assert rejects.exists()
    assert len(load("csv", path, rejects=rejects, allowed_bad_share=0.1).films) == 10


@pytest.mark.parametrize(
    ("source", "name", "says"),
    [
        ("csv", None, "name it with --ratings"),
        ("tape", None, "choose one of"),
        ("sample", "films.csv", "brings its own"),
        ("csv", "missing.csv", "No such file"),
    ],
)
def test_a_source_that_cannot_be_read_says_what_it_needs(tmp_path, source, name, says):
    with pytest.raises(SourceUnavailable, match=says):
        load(source, tmp_path / name if name else None)


def test_the_sample_has_its_films_with_decimals_votes_and_first_directors():
    found = load("sample")
    assert (len(found.films), len(found.rejects)) == (12_515, 54)
    assert len({f.director for f in found.films}) == 5_720
    assert all(f.rating is not None and f.stars == round(f.rating) for f in found.films)
    assert not any("," in f.director for f in found.films)


def test_a_film_table_comes_back_as_it_was_written(tmp_path: Path, films):
    for name in ("films.csv", "films.tsv"):
        write_films(tmp_path / name, films)
        assert list(read_rows(tmp_path / name)) == films


def test_dataset_writes_the_table_and_the_rejects_beside_it(tmp_path: Path):
    good = "".join(f"Film {i} (1999),1999,A B,Drama,None,None,6\n" for i in range(60))
    path = table(tmp_path, HEADER + good + "Bad (1999),1999,None,Drama,None,None,6\n")
    out = tmp_path / "out" / "movie_ratings_simple.csv"
    result = CliRunner().invoke(
        app, ["dataset", "--source", "csv", "--ratings", str(path), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert len(list(read_rows(out))) == 60
    assert "`Director1` is 'None'" in rejects_path(out).read_text()


def test_a_source_is_added_by_naming_its_reader(tmp_path: Path, monkeypatch, films):
    monkeypatch.setitem(sources.READERS, "diary", Reader("file", lambda path, options: iter(films)))
    assert load("diary", tmp_path / "anything").films == films
    assert sources.names().endswith(", diary")
    with pytest.raises(SourceUnavailable, match="source diary reads a file; name it with --rat"):
        load("diary")
