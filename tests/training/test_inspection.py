"""`greenlight-train inspect`: what it finds in tables as people publish them."""

import json
import random
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from data import limits
from data.catalogue import Catalogue
from data.domain import from_toml
from data.film_table import write_films
from data.manifest import CATALOGUE
from training import memory
from training.cli import app
from training.dataset import load
from training.errors import TooManyBadRows
from training.export.example_bundle import example_table, prepare, small_model
from training.export.predicted_size import size_of
from training.inspection import inspect
from training.sources.options import Options


def coffees(tmp_path: Path, tags: int = 6, rows: int = 120, name: str = "coffees.csv") -> Path:
    draw = random.Random(1)
    farms = ["Alto Aurora", "Casa Piedra", "Finca Mirador", "La Sombra", "Los Vientos"]
    lines = ["farm,harvest,notes,cup_score"]
    for row in range(rows):
        notes = ";".join(draw.sample([f"Note {n}" for n in range(tags)], 2))
        score = f"{draw.randrange(240, 400) / 4:.2f}"
        lines.append(f"{farms[row % 5]},{2010 + row % 9},{notes},{score}")
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_of_any_kind_is_mapped_and_the_mapping_is_written(tmp_path):
    path = coffees(tmp_path)
    found = inspect(path, Options())
    assert (found.rows, found.rows_in, found.works, found.written) == (120, 120, True, True)
    domain = from_toml((tmp_path / "coffees.domain.toml").read_bytes())
    assert domain.choice.column == "farm"
    assert domain.ordinal is not None
    assert domain.ordinal.column == "harvest"
    assert domain.tags is not None
    assert (domain.tags.columns, domain.tags.separator) == (("notes",), ";")
    outcome = domain.outcome
    assert (outcome.column, outcome.low, outcome.high, outcome.step) == ("cup_score", 60, 100, 0.25)
    assert (domain.words.thing, domain.words.titles) == ("coffee", False)
    assert len(load("csv", path).films) == 120


def test_an_edited_domain_is_kept_unless_a_new_one_is_asked_for(tmp_path):
    path = coffees(tmp_path)
    inspect(path, Options())
    file = tmp_path / "coffees.domain.toml"
    file.write_text(file.read_text().replace('word = "farm"', 'word = "estate"'))
    assert not inspect(path, Options()).written
    assert "estate" in file.read_text()
    assert inspect(path, Options(), again=True).written
    assert "estate" not in file.read_text()


def test_more_tags_than_a_device_can_hold_are_cut_to_the_commonest(tmp_path):
    path = coffees(tmp_path, tags=300, rows=400)
    found = inspect(path, Options())
    tags = from_toml((tmp_path / "coffees.domain.toml").read_bytes()).tags
    assert tags is not None
    assert tags.keep is not None
    assert 20 < tags.keep < 300
    assert found.model_bytes < limits.MAX_MODEL_BYTES


def test_rows_left_out_are_counted_by_reason_and_odd_values_are_shown(tmp_path):
    path = coffees(tmp_path)
    more = "alto aurora,2011,Note 1;Note 2,88\nCasa Pietra,2011,Note 1],88\n"
    path.write_text(path.read_text() + more + ",2011,Note 1,88\nA,soon,Note 1,88\nA,x,Note 1,-\n")
    found = inspect(path, Options())
    assert found.rows_out == {
        "`harvest` is …; give a whole number": 2,
        "`farm` is empty; give its name": 1,
    }
    assert ("Alto Aurora", "alto aurora") in found.alike
    assert ("Casa Piedra", "Casa Pietra") in found.alike
    assert ("Note 1", "Note 1]") in found.alike
    assert found.lists_in_tags == ("Note 1]",)
    score = next(column for column in found.columns if column.name == "cup_score")
    assert (score.taken_as, score.empty_looking) == ("outcome", {"'-'": 1})


HOPELESS = {
    "one of them": (lambda text: text.replace("Casa Piedra", "Alto Aurora"), None),
    "few rows": (lambda text: "\n".join(text.splitlines()[:20]), "at least 20 are needed"),
    "no outcome": (lambda text: text.replace(".", "x"), "could be the outcome"),
}


@pytest.mark.parametrize("kind", HOPELESS)
def test_it_says_why_a_table_makes_no_model_and_exits_1(tmp_path, kind):
    change, says = HOPELESS[kind]
    path = coffees(tmp_path)
    path.write_text(change(path.read_text()))
    done = CliRunner().invoke(app, ["inspect", str(path), "--json"])
    found = json.loads(done.stdout)
    assert done.exit_code == (0 if says is None else 1)
    assert says is None or says in " ".join(found["problems"])


def test_a_film_table_needs_no_domain_and_halved_decimals_are_noticed(tmp_path):
    table = example_table()
    path = tmp_path / "films.csv"
    write_films(path, table.films)
    found = inspect(path, Options())
    assert (found.layout, found.works, found.domain_file) == ("film table", True, None)
    assert not list(tmp_path.glob("*.toml"))
    done = CliRunner().invoke(app, ["inspect", str(path)])
    assert done.exit_code == 0
    assert "this can train a model" in done.output
    lines = path.read_text().splitlines()
    halved = [
        ",".join([*c[:7], str(float(c[7]) / 2), c[8]]) for c in (x.split(",") for x in lines[1:])
    ]
    path.write_text("\n".join([lines[0], *halved]))
    assert "contradict each other" in " ".join(inspect(path, Options()).problems)


def test_the_predicted_size_is_within_a_tenth_of_the_model():
    table = example_table(directors=60)
    exported = prepare(table, small_model(), version=1, combinations=100)
    found = size_of(table.films)
    assert found.total_bytes == pytest.approx(len(exported.model_bytes), rel=0.1)
    catalogue = msgspec.json.decode(exported.files[CATALOGUE], type=Catalogue)
    # Beside directors and titles there are the background's films, whatever the table's size.
    made = len(msgspec.json.encode((catalogue.directors, catalogue.titles)))
    assert found.catalogue_bytes == pytest.approx(made, rel=0.1)


LAYOUTS = {
    "IMDB 5000": (
        "color,director_name,genres,movie_title,num_voted_users,title_year,imdb_score",
        "Color,Director {d},Action|Drama,Film {n}\u00a0,100,{y}.0,{s}",
    ),
    "IMDb's export of your ratings": (
        "Const,Your Rating,Title,Title Type,IMDb Rating,Year,Genres,Num Votes,Directors",
        'tt{n},{w},Film {n},Movie,{s},{y},"Action, Drama",100,"Director {d}, Somebody Else"',
    ),
    "The Open Movie Database": (
        "Title,Year,Director,Genre,imdbRating,imdbVotes",
        'Film {n},{y},"Director {d}, Somebody Else","Action, Drama",{s},"1,000"',
    ),
    "films, by the columns' names": (
        "Film,Release Year,Directors,Genres,Score",
        "Film {n},{y},Director {d},Action / Drama,{s}",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_known_layouts_are_taken_as_they_are(tmp_path, layout):
    header, row = LAYOUTS[layout]
    draw = random.Random(2)
    rows = [
        row.format(n=n, d=n % 7, y=1980 + n % 30, s=draw.randrange(30, 95) / 10, w=n % 10 + 1)
        for n in range(70)
    ]
    path = tmp_path / "download.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    found = inspect(path, Options())
    assert (found.rows_in, found.works) == (70, True), found.problems
    assert found.choices["Director 1"] == 10
    assert set(found.tags) == {"Action", "Drama"}
    assert load("csv", path).domain.name == "films"


def films_of(rows: list[str], header: str = "title,year,Director1,Genre1,Genre2,Genre3,stars"):
    return "\n".join([header, *rows]).encode()


def test_a_table_of_which_an_export_would_refuse_too_many_rows_does_not_work(tmp_path):
    rows = [f"Film {n},{1980 + n % 9},D {n % 5},War,,,{n % 9 + 1}" for n in range(60)]
    rows += [f"Bad {n},{1980 + n % 9},{'N/A' if n else '-'},War,,,5" for n in range(6)]
    path = tmp_path / "films.csv"
    path.write_bytes(films_of(rows))
    found = inspect(path, Options())
    assert not found.works
    assert "6 of 66 rows are left out (9.1%; an export accepts 5%)" in found.problems[0]
    assert "--allow-bad 0.1" in found.problems[0]
    with pytest.raises(TooManyBadRows, match=r"6 of 66 .* line 62: `Director1` is '-'"):
        load("csv", path)
    assert len(load("csv", path, allowed_bad_share=0.1).films) == 60


def test_stars_that_are_not_whole_or_not_of_ten_get_a_domain_with_their_scale(tmp_path):
    path = tmp_path / "halves.csv"
    rows = [f"Film {n},{1980 + n % 9},D {n % 5},War,Drama,,{(n % 9 + 1) / 2}" for n in range(60)]
    path.write_bytes(films_of(rows))
    found = inspect(path, Options())
    assert (found.works, found.written, found.rows_in) == (True, True, 60), found.problems
    outcome = load("csv", path).domain.outcome
    assert (outcome.column, outcome.low, outcome.high, outcome.step) == ("stars", 0.5, 5, 0.5)


def test_outcomes_that_are_all_alike_are_refused(tmp_path):
    path = tmp_path / "films.csv"
    path.write_bytes(films_of([f"Film {n},{1980 + n % 9},D {n % 5},War,,,5" for n in range(60)]))
    found = inspect(path, Options())
    assert not found.works
    assert "column 'stars' holds only 5, so there is nothing to learn" in found.problems[0]


def test_a_table_too_large_for_this_machines_memory_is_refused_with_the_rows_that_fit(
    tmp_path, monkeypatch
):
    path = tmp_path / "films.csv"
    rows = [f"Film {n},{1980 + n % 9},D {n % 5},War,,,{n % 9 + 1}" for n in range(600)]
    path.write_bytes(films_of(rows))
    assert inspect(path, Options()).works
    monkeypatch.setattr(memory, "machine_bytes", lambda: memory.needed_bytes(500))
    found = inspect(path, Options())
    assert not found.works
    assert "training on 600 rows takes about 800 MB" in found.problems[0]
    assert "enough for about 500 rows" in found.problems[0]


def test_dataset_shows_what_inspect_finds_and_writes_no_domain(tmp_path):
    path = tmp_path / "coffee.csv"
    rows = [f"Farm {n % 5},{2000 + n % 9},a|b,{n % 9 + 1}" for n in range(60)]
    rows += ["farm 1,2001,a|b]|c,4", 'Farm 2,2001,N/A,"7"', "Farm 3,-,a,9"]
    path.write_text("\n".join(["farm,year,notes,score", *rows]))
    inspect(path, Options())
    domain = (tmp_path / "coffee.domain.toml").read_text()
    done = CliRunner().invoke(
        app,
        ["dataset", "--source", "csv", "--ratings", str(path), "--out", str(tmp_path / "out.csv")],
    )
    assert done.exit_code == 0, done.output
    for line in (
        "left out: 1 rows: `notes` is empty",
        "left out: 1 rows: `year` is empty",
        "outcome: 1 to 9",
        "look like lists: 'b]'",
        "perhaps the same: 'Farm 1' and 'farm 1'",
        "no value in 'notes': 'N/A' 1",
        "no value in 'year': '-' 1",
    ):
        assert line in done.output
    assert (tmp_path / "coffee.domain.toml").read_text() == domain
