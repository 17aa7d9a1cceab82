"""`greenlight explain` as its users run it."""

import json
import subprocess
import sys

import pytest


@pytest.fixture
def explain(real_bundle, monkeypatch):
    bundle, keys = real_bundle
    monkeypatch.setenv("GREENLIGHT_KEYS", str(keys))

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "edge", "explain", "--bundle", bundle, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_film_and_the_same_with_one_thing_changed_stand_side_by_side(explain, real_model):
    catalogue = real_model.catalogue
    entry = max(catalogue.directors, key=lambda one: (len(one.genres), one.name))
    genres = [catalogue.genres[index] for index in entry.genres[:2]]
    film = (entry.name, entry.last_year, *genres)
    shown = explain(*film, "--year", entry.first_year)
    assert shown.returncode == 0, shown.stderr
    for words in (entry.name, str(entry.first_year), "stars expected", "would make it better"):
        assert words in shown.stdout
    assert "-0.00" not in shown.stdout
    done = explain(*film, "--year", entry.first_year, "--json")
    one, other = json.loads(done.stdout)
    assert [one["film"]["year"], other["film"]["year"]] == [entry.last_year, entry.first_year]
    assert one["better"]
    assert sum(one["why"].values()) == one["prediction"]["expected"]


def test_a_film_that_cannot_be_is_refused_by_name(explain):
    done = explain("Somebody", 1066, "Drama")
    assert done.returncode != 0
    assert "year" in done.stderr


def test_names_may_be_typed_in_any_case_and_unknown_ones_get_a_hint(explain, real_model):
    catalogue = real_model.catalogue
    entry, genre = catalogue.directors[0], catalogue.genres[0]
    done = explain(entry.name.upper(), entry.last_year, genre.lower(), "--json")
    (found,) = json.loads(done.stdout)
    assert (found["film"]["director"], found["film"]["genres"]) == (entry.name, [genre])
    assert not any("doesn't know" in note for note in found["notes"])
    shown = " ".join(explain(f"{entry.name}x", entry.last_year, f"{genre}x").stdout.split())
    assert f"did you mean '{entry.name}'?" in shown
    assert f"did you mean '{genre}'?" in shown
