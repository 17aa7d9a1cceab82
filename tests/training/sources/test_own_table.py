"""Tables as people publish them: read as a person would, or refused with file, line and fix."""

import json
import zipfile
from pathlib import Path

import duckdb
import pytest

from data.domain import from_toml
from training.dataset import load
from training.errors import SourceUnavailable, TooManyBadRows
from training.sources.cells import is_empty, list_of, number_of, whole_of
from training.sources.options import Options
from training.sources.own_table import domain_path

HEADER = "title,year,Director1,Genre1,Genre2,Genre3,stars,rating,votes"
ROW = "Film (1999),1999,Agnès Varda,Drama,Comedy,None,6,6.1,26390"
COFFEE = """
name = "coffee"
[choice]
column = "farm"
word = "farm"
words = "farms"
[ordinal]
column = "floor"
word = "floor"
words = "floors"
context = false
shift = 1900
[tags]
columns = ["process", "notes"]
separator = ";"
exclusive = [["washed", "natural"]]
word = "note"
words = "notes"
[outcome]
column = "cup_score"
low = 60
high = 100
step = 0.25
[words]
thing = "coffee"
things = "coffees"
titles = false
"""


def film_of(tmp_path: Path, content: bytes, name: str = "films.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    found = load("csv", path)
    assert len(found.films) == 1
    return found.films[0]


TEXTS = {
    "UTF-8 with a mark": f"{HEADER}\n{ROW}\n".encode("utf-8-sig"),
    "Windows-1252": f"{HEADER}\n{ROW}\n".encode("cp1252"),
    "UTF-16": f"{HEADER}\n{ROW}\n".encode("utf-16"),
    "UTF-16 without a mark": f"{HEADER}\n{ROW}\n".encode("utf-16-le"),
    "Windows line ends": f"{HEADER}\r\n{ROW}\r\n".encode(),
    "semicolons and decimal commas": f"{HEADER}\n{ROW}\n".replace(",", ";").replace("6.1", "6,1")
    .encode(),
    "Excel's own first line": f"sep=;\n{HEADER}\n{ROW}\n".replace(",", ";").encode(),
    "bars": f"{HEADER}\n{ROW}\n".replace(",", "|").encode(),
    "tabs": f"{HEADER}\n{ROW}\n".replace(",", "\t").encode(),
    "headers in other words": f"{HEADER}\n{ROW}\n"
    .replace("rating", "IMDb Rating").replace("Director1", "Director").replace("stars", "Stars")
    .encode(),
    "years as decimals": f"{HEADER}\n{ROW}\n".replace(",1999,", ",1999.0,").encode(),
    "no value for the votes": f"{HEADER}\n{ROW}\n".replace("26390", "N/A").encode(),
}  # fmt: skip


@pytest.mark.parametrize("kind", TEXTS)
def test_a_film_table_is_read_however_it_was_saved(tmp_path, kind):
    film = film_of(tmp_path, TEXTS[kind])
    assert (film.director, film.year, film.stars, film.rating) == ("Agnès Varda", 1999, 6, 6.1)
    assert film.genres == ("Comedy", "Drama")
    assert film.votes in (26_390, None)


def rows_of_json(tmp_path: Path) -> Path:
    rows = [dict(zip(HEADER.split(","), ROW.split(","), strict=True))]
    path = tmp_path / "films.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "films.parquet"
    source = rows_of_json(tmp_path)
    duckdb.sql(f"COPY (SELECT * FROM read_json('{source}')) TO '{path}' (FORMAT parquet)")
    return path


def workbook(tmp_path: Path, rows: list[list[object]] | None = None) -> Path:
    """Write a workbook as Excel does: shared texts, numbers, and a date by its style."""
    rows = rows or [HEADER.split(","), ["Film (1999)", 36161.0, *ROW.split(",")[2:]]]
    texts = sorted({cell for row in rows for cell in row if isinstance(cell, str)})
    lines = []
    for number, row in enumerate(rows, 1):
        cells = [
            f'<c r="{chr(65 + i)}{number}" t="s"><v>{texts.index(cell)}</v></c>'
            if isinstance(cell, str)
            else f'<c r="{chr(65 + i)}{number}" s="1"><v>{cell}</v></c>'
            for i, cell in enumerate(row)
        ]
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relation = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    parts = {
        "xl/workbook.xml": f'<workbook {main} {relation}><sheets><sheet name="Films" sheetId="1" '
        'r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="x"><Relationship Id="rId1" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/sharedStrings.xml": f"<sst {main}>"
        + "".join(f"<si><t>{text}</t></si>" for text in texts)
        + "</sst>",
        "xl/styles.xml": f'<styleSheet {main}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
        "</cellXfs></styleSheet>",
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{''.join(lines)}</sheetData>"
        "</worksheet>",
    }
    path = tmp_path / "films.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize("write", [rows_of_json, parquet, workbook])
def test_json_lines_parquet_and_excel_are_read_like_csv(tmp_path, write):
    film = load("csv", write(tmp_path)).films[0]
    assert (film.director, film.year, film.rating) == ("Agnès Varda", 1999, 6.1)


BROKEN = {
    "a web page": (b"<!DOCTYPE html>\n<html><body>films</body></html>", "is a web page"),
    "nothing": (b"\n", "is empty"),
    "a NUL byte": (f"{HEADER}\n{ROW}\n".encode().replace(b"1999,", b"19\x009,", 1), "line 2 holds"),
    "a quote never closed": (
        f'{HEADER}\n{ROW}\n"Film,1999,A,Drama,None,None,6,6,1\n{ROW}\n'.encode(),
        "line 3: a quote",
    ),
    "Russian in Windows-1251": (
        f"{HEADER}\n{ROW}\n".replace("Agnès Varda", "Андрей Тарковский").encode("cp1251"),
        "name its encoding with --encoding",
    ),
    "an archive": (b"\x1f\x8b\x08rest", "unpack it first"),
    "an old workbook": (b"\xd0\xcf\x11\xe0rest", "save it as .xlsx or CSV"),
    "one column": (b"films\nFilm\n", "has only one column"),
    "broken JSON": (b'{"title": "Film"}\n{"title": \n', "line 2: isn't JSON"),
    "no workbook": (b"PK\x03\x04rest", "isn't an Excel workbook"),
    "no Parquet": (b"PAR1rest", "isn't Parquet"),
    "a foreign header": (b"a,b,c\n1,2,3\n", "run `greenlight-train inspect"),
    "a header without rows": (f"{HEADER}\n".encode(), "has no rows"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_read_is_refused_with_file_and_fix(tmp_path, kind):
    content, says = BROKEN[kind]
    path = tmp_path / "films.csv"
    path.write_bytes(content)
    with pytest.raises((SourceUnavailable, TooManyBadRows)) as refused:
        load("csv", path)
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)


def test_an_encoding_can_be_named(tmp_path):
    path = tmp_path / "films.csv"
    path.write_bytes(f"{HEADER}\n{ROW}\n".replace("Agnès", "Андрей").encode("cp1251"))
    film = load("csv", path, options=Options(encoding="cp1251")).films[0]
    assert film.director == "Андрей Varda"


def test_a_domain_maps_a_table_and_says_which_column_of_it_is_wrong(tmp_path):
    path = tmp_path / "coffees.csv"
    path.write_text(
        "farm,floor,process,notes,cup_score\n"
        "Aurora,3,washed,Honey;Citrus;Nutty,80\nBruma,40,natural,,100\n"
        "Cima,-5,natural,Floral,60.0\nDosel,x,washed,Floral,88\nEsto,4,washed;natural,,88\n"
        ",4,washed,,88\nFaro,4,washed,,104\nGato,4,-,N/A,88\nHalo,4,washed,,nan\n"
    )
    domain_path(path).write_text(COFFEE)
    found = load("csv", path, allowed_bad_share=1.0)
    assert found.domain == from_toml(COFFEE)
    assert [(f.director, f.year, f.genres, f.rating) for f in found.films] == [
        ("Aurora", 1903, ("Citrus", "Honey", "washed"), 5.5),
        ("Bruma", 1940, ("natural",), 10.0),
        ("Cima", 1895, ("Floral", "natural"), 1.0),
    ]
    assert [(row.line, row.reason) for row in found.rejects] == [
        (5, "`floor` is 'x'; give a whole number"),
        (6, "`process, notes` holds both 'washed' and 'natural', which exclude each other"),
        (7, "`farm` is empty; give its name"),
        (8, "`cup_score` is 104; give 60 to 100"),
        (9, "`process, notes` is empty; give one to 3 notes"),
        (10, "`cup_score` is empty; give a number"),
    ]


def test_a_domain_that_does_not_fit_the_table_names_the_column(tmp_path):
    path = tmp_path / "coffees.csv"
    path.write_text("farm,floor,process,score\nAurora,3,washed,80\n")
    domain_path(path).write_text(COFFEE)
    with pytest.raises(SourceUnavailable, match="line 1 lacks the column 'notes'; it has 'farm'"):
        load("csv", path)
    domain_path(path).write_text(COFFEE.replace("high = 100", "high = 20"))
    with pytest.raises(
        SourceUnavailable, match=r"coffees\.domain\.toml: `high` in `outcome` is 20"
    ):
        load("csv", path)


def test_ordinal_and_tags_may_be_left_out(tmp_path):
    path = tmp_path / "coffees.csv"
    path.write_text("farm,cup_score\nAurora,80\n")
    text = '[choice]\ncolumn = "farm"\nword = "farm"\nwords = "farms"\n[outcome]\n'
    text += 'column = "cup_score"\nlow = 60\nhigh = 100\n[words]\nthing = "coffee"\n'
    domain_path(path).write_text(f'name = "coffee"\n{text}things = "coffees"\n')
    film = load("csv", path).films[0]
    assert (film.director, film.year, film.genres, film.stars) == ("Aurora", 2000, ("all",), 6)


def test_cells_mean_what_a_person_means():
    assert [number_of(t) for t in ("1,086", "7/10", "87.5%", "x", "1_0", "inf")] == [
        1086, 7, 87.5, None, None, None,
    ]  # fmt: skip
    assert [number_of(t, decimal_comma=True) for t in ("8,5", "1.234,5", "1.234", "9.5")] == [
        8.5, 1234.5, 1234, 9.5,
    ]  # fmt: skip
    dates = ("2009.0", "2009-12-10", "12/10/2009", "May 3, 2009", "3 May 2009", "2009–", "soon")
    assert [whole_of(text) for text in dates] == [*[2009] * 6, None]
    assert list_of("[{'id': 1, 'name': 'Drama'}, {'id': 2, 'name': 'War'}]") == ["Drama", "War"]
    assert list_of('["Drama", null, "N/A", "War"]') == ["Drama", "War"]
    assert list_of("Drama|War|", "|") == ["Drama", "War"]
    assert all(map(is_empty, ("", " N/A ", "NaN", "-", "None", "\\N")))


def test_the_crew_of_the_movie_database_gives_the_director(tmp_path):
    path = tmp_path / "tmdb.csv"
    crew = "[{'job': 'Writer', 'name': 'W'}, {'job': 'Director', 'name': 'Agnès Varda'}]"
    genres = "[{'id': 18, 'name': 'Drama'}]"
    path.write_text(
        "id,title,release_date,genres,crew,vote_average,vote_count\n"
        f'1,Cléo,1962-04-11,"{genres}","{crew}",7.9,120\n',
        encoding="utf-8",
    )
    film = load("csv", path).films[0]
    assert (film.director, film.year, film.genres) == ("Agnès Varda", 1962, ("Drama",))


def test_letterboxd_says_that_it_needs_films_whose_directors_are_known(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("Date,Name,Year,Letterboxd URI,Rating\n2020-01-01,Film,1999,x,4.5\n")
    with pytest.raises(
        SourceUnavailable, match="none of its 1 films is in the Open Movie Database"
    ):
        load("csv", path)
