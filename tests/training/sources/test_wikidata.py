"""Wikidata's films in a newer bokeh-sampledata: read from the wheel, which is never installed."""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path

import pytest

from data.films import Film
from training import sources
from training.dataset import load
from training.errors import SourceUnavailable
from training.sources import wikidata

from ...locks.future_index import entries_of, version_of

ROOT = Path(__file__).parents[3]
ROWS = [
    # ID, imdbID, Title, Year, Director, Genre, Meter, Reviews
    (3, "tt0000003", "The Intouchables", 2011, "Olivier Nakache, Éric Toledano", "Comedy, Drama",
     76, 129),
    (1, "tt0000001", "We Live in Public", 2009, "Ondi Timoner", "Documentary", 82, 51),
    (2, "tt0000002", "Nobody's", 2009, "", "Drama", 50, 6),
    (4, "tt0000004", "Of no kind", 2012, "Ann", "", 50, 6),
    (5, "tt0000005", "Unrated", 2013, "Ann", "Drama", None, None),
    (6, "tt0000006", "Panned", 2014, "Ann", "Drama", 0, 30),
    (7, "tt0000007", "Loved", 2014, "Ann", "Western, Drama, War, Crime", 100, None),
]  # fmt: skip


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    database = tmp_path / "movies.db"
    with sqlite3.connect(database) as opened:
        opened.execute("CREATE TABLE omdb (ID, imdbID, Title, Year, Director, Genre)")
        opened.execute("CREATE TABLE tomatoes (ID, Meter, Reviews)")
        opened.executemany("INSERT INTO omdb VALUES (?, ?, ?, ?, ?, ?)", [r[:6] for r in ROWS])
        opened.executemany("INSERT INTO tomatoes VALUES (?, ?, ?)", [(r[0], *r[6:]) for r in ROWS])
    opened.close()
    path = tmp_path / "wheels" / "bokeh_sampledata-2026.1-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(database, wikidata.DATABASE)
    return path


def test_films_come_with_the_critics_share_on_its_own_scale(wheel):
    table = load("wikidata", wheel.parent, allowed_bad_share=0.5)
    assert [(f.title, f.director, f.genres, f.stars, f.votes) for f in table.films] == [
        ("We Live in Public (2009)", "Ondi Timoner", ("Documentary",), 8, 51),
        ("The Intouchables (2011)", "Olivier Nakache", ("Comedy", "Drama"), 8, 129),
        ("Panned (2014)", "Ann", ("Drama",), 1, 30),
        ("Loved (2014)", "Ann", ("Drama", "War", "Western"), 10, None),
    ]
    assert [(row.line, row.reason.split(":")[0]) for row in table.rejects] == [
        (2, "`director` is empty; give its name"),
        (4, "`genres` holds 0 genres; give one to 3"),
        (5, "`Meter` is missing"),
    ]
    outcome = table.domain.outcome
    assert (outcome.low, outcome.high, outcome.unit) == (0, 100, "%")
    assert outcome.of_rating(table.films[0].rating) == 82
    assert table.domain.name == "films"
    assert table.films == [one for one in sources.read("wikidata", wheel) if isinstance(one, Film)]


def test_what_is_missing_or_another_file_names_the_command_that_fetches_it(wheel, tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(SourceUnavailable, match=r"holds no wheel .*`make wikidata`"):
            load("wikidata", path)
    other = wheel.with_name("bokeh_sampledata-2027.0-py3-none-any.whl")
    other.write_bytes(b"PK, but no archive")
    with pytest.raises(SourceUnavailable, match="holds several wheels"):
        load("wikidata", wheel.parent)
    with pytest.raises(SourceUnavailable, match=r"isn't a wheel with .*`make wikidata`"):
        load("wikidata", other)
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr(wikidata.DATABASE, b"not a database, whatever its name says" * 100)
    with pytest.raises(SourceUnavailable, match="can't be read"):
        load("wikidata", other)


def test_it_is_fetched_by_its_hash_and_never_installed():
    (entry,) = entries_of(ROOT / "locks/wikidata.txt")
    makefile = (ROOT / "Makefile").read_text()
    assert f"WIKIDATA := {wikidata.FOLDER}\n" in makefile
    assert f"bokeh_sampledata-{version_of(entry)}-*.whl" in makefile
    (recipe,) = [line for line in makefile.splitlines() if "locks/wikidata.txt" in line]
    assert " download " in recipe
    assert "install" not in recipe
    sample = entries_of(ROOT / "locks/training.txt")
    pinned = {one.name: version_of(one) for one in sample}
    assert pinned["bokeh-sampledata"] == "2025.0"
