"""`greenlight pick` and `greenlight score` as their users run them."""

import csv
import json
import subprocess
import sys
from datetime import date

import numpy as np
import pytest

from edge.search.pick import choose
from edge.search.slate import Slate


@pytest.fixture
def greenlight(real_bundle, monkeypatch):
    bundle, keys = real_bundle
    monkeypatch.setenv("GREENLIGHT_KEYS", str(keys))

    def run(command, *arguments, named=True):
        return subprocess.run(
            [sys.executable, "-m", "edge", command, *(["--bundle", bundle] if named else [])]
            + [str(argument) for argument in arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def picked(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_json_holds_everything_with_every_digit(greenlight, real_model):
    answer = picked(greenlight("pick", "--everything", "-k", "3", "--json"))
    training = real_model.catalogue.training_years
    size = len(real_model.catalogue.directors) * (training.last - training.first + 1)
    assert answer["space"]["size"] == size * real_model.index.sets.count
    assert answer["searched"] == "tables"
    assert answer["seconds"] > 0
    assert answer["model_hash"] == real_model.hash
    assert len({pick["director"] for pick in answer["picks"]}) == 3
    for pick, own in zip(
        answer["picks"], choose(real_model, Slate.everything(), 3).picks, strict=True
    ):
        assert pick["genres"] == list(own.genres)
        assert (pick["director"], pick["year"]) == (own.director, own.year)
        assert pick["expected"] == own.expected == float(np.float32(pick["expected"]))
        assert tuple(pick["probabilities"]) == own.probabilities
        assert sum(pick["why"].values()) == pick["expected"]


def test_without_options_plausible_next_films_are_picked(greenlight, real_model):
    answer = picked(greenlight("pick", "--json", "-k", "5"))
    assert answer["space"]["plausible"]
    assert answer["space"]["kinds"] == ["film"]
    catalogue = real_model.catalogue
    by_name = {entry.name: entry for entry in catalogue.directors}
    for pick in answer["picks"]:
        entry = by_name[pick["director"]]
        assert "film" in entry.kinds
        assert pick["year"] >= date.today().year
        assert entry.last_year >= catalogue.training_years.last - 10
        assert set(pick["genres"]) <= {catalogue.genres[index] for index in entry.genres}


def test_repeat_directors_gives_the_plain_top(greenlight):
    answer = picked(greenlight("pick", "--json", "-k", "50", "--repeat-directors"))
    assert len({pick["director"] for pick in answer["picks"]}) < 50
    expected = [pick["expected"] for pick in answer["picks"]]
    assert expected == sorted(expected, reverse=True)


def test_options_narrow_a_slate_from_a_file(greenlight, real_model, tmp_path):
    names = [entry.name for entry in real_model.catalogue.directors][:3]
    genres = real_model.catalogue.genres
    slate = tmp_path / "slate.toml"
    slate.write_text(
        f"plausible = false\n[directors]\nnames = {json.dumps(names, ensure_ascii=False)}\n"
        "[years]\nfirst = 2001\n"
    )
    answer = picked(
        greenlight("pick", "--slate", slate, "--last-year", 2004, "--genre", genres[0], "--json")
    )
    assert answer["space"]["size"] == 3 * 4 * 1
    assert answer["picks"][0]["genres"] == [genres[0]]


def test_what_was_made_is_left_out(greenlight, tmp_path):
    first = picked(greenlight("pick", "--json"))["picks"][0]
    made = tmp_path / "made.csv"
    with made.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "year", "Director1", "Genre1", "Genre2", "Genre3", "stars"])
        slots = [*first["genres"], "None", "None"][:3]
        writer.writerow([first["title"], first["year"], first["director"], *slots, 9])
    again = picked(greenlight("pick", "--json", "--leave-out", made))["picks"][0]
    keys = ("director", "year", "genres")
    assert [again[key] for key in keys] != [first[key] for key in keys]


def test_the_best_of_your_own_list(greenlight, real_model, tmp_path):
    names = [entry.name for entry in real_model.catalogue.directors][:2]
    one, other = real_model.catalogue.genres[:2]
    rows = [
        f"Row {number},{1990 + number},{quoted(names[number % 2])},{one},{other},None"
        for number in range(30)
    ]
    own = tmp_path / "films.csv"
    own.write_text("title,year,Director1,Genre1,Genre2,Genre3\n" + "\n".join(rows) + "\n")
    answer = picked(greenlight("pick", "--among", own, "-k", "9", "--differ", "year", "--json"))
    assert (answer["searched"], answer["space"]["size"]) == ("file", 30)
    assert all(pick["title"] == f"Row {pick['year'] - 1990}" for pick in answer["picks"])
    assert len({pick["year"] for pick in answer["picks"]}) == 9
    expected = [pick["expected"] for pick in answer["picks"]]
    assert expected == sorted(expected, reverse=True)
    ruled = greenlight("pick", "--among", own, "--rule", f"if {one} then not {other}")
    assert ruled.returncode != 0
    without = f"Without the rule “if {one} then not {other}” it would be 30 rows"
    assert without in " ".join(ruled.stderr.split())
    limited = greenlight("pick", "--among", own, "--first-year", 1999)
    assert "the rows of the file are all there is to choose from" in limited.stderr


def quoted(cell):
    return f'"{cell}"'


def test_rules_from_file_and_options_hold_together(greenlight, real_model, tmp_path):
    genres = real_model.catalogue.genres
    slate = tmp_path / "slate.toml"
    slate.write_text(f'rules = ["never {genres[0]}"]\n')
    answer = picked(
        greenlight("pick", "--slate", slate, "--rule", "at most 0 of " + ", ".join(genres[1:3]),
                   "-k", "20", "--json")
    )  # fmt: skip
    assert not {genre for pick in answer["picks"] for genre in pick["genres"]} & {*genres[:3]}
    wrong = greenlight("pick", "--rule", "never Xyz", "--rule", "sometimes")
    assert wrong.returncode != 0
    assert "'Xyz', which is neither a genre nor a director" in wrong.stderr
    assert "begins with neither" in wrong.stderr


def test_the_classic_slate_is_a_grid_and_a_seed_repeats_it(greenlight):
    shown = greenlight("pick", "--classic", "--seed", 7)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("★") == 1
    assert "The film to make" in shown.stdout
    printed = picked(greenlight("pick", "--classic", "--seed", 7, "--json"))
    assert len(printed["slate"]["candidates"]) == len(printed["expected"]) == 36
    assert max(printed["expected"]) == printed["picks"][0]["expected"]
    assert printed["picks"][0]["title"] in shown.stdout


def test_a_person_sees_the_film_its_reasons_and_the_space(greenlight):
    shown = greenlight("pick", "-k", 3)
    for words in (
        "The film to make",
        "stars expected",
        "for 8 stars or more",
        "the director",
        "plausible combinations",
        "ONNX Runtime",
        "looked at",
    ):
        assert words in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--genre", "Dramedy"], "doesn't know the genre 'Dramedy'"),
        (["--slate", "nowhere.toml"], "No such file"),
        (["--last-year", "3000"], "Give years from 1870 to 2200"),
        (["--kind", "opera"], "kinds"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_by_name(greenlight, arguments, said):
    done = greenlight("pick", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert not done.stdout


def test_a_bundle_with_a_flipped_byte_is_not_asked(greenlight, real_bundle, tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    for path in real_bundle[0].iterdir():
        folder.joinpath(path.name).write_bytes(path.read_bytes())
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    done = greenlight("pick", "--bundle", folder, named=False)
    assert done.returncode == 1
    assert "not those that were signed" in done.stderr


def test_a_table_is_scored_file_to_file(greenlight, real_model, tmp_path):
    entry = real_model.catalogue.directors[0]
    source, out = tmp_path / "films.csv", tmp_path / "predictions.csv"
    source.write_text(
        "title,year,Director1,Genre1,Genre2,Genre3,stars\n"
        f'"Ark, The",2001,"{entry.name}",None,None,None,3\n',
        encoding="utf-8",
    )
    done = greenlight("score", "--csv", source, "--out", out)
    assert done.returncode == 0, done.stderr
    with out.open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["title"] == "Ark, The"
    assert sum(float(row[f"p{stars}"]) for stars in range(1, 11)) == pytest.approx(1, abs=1e-5)
    bad = greenlight("score", "--csv", tmp_path / "none.csv", "--out", out)
    assert bad.returncode == 1
    assert "No such file" in bad.stderr
