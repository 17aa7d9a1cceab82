"""Tables that can't make a useful model are refused before anything is written."""

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from data import limits
from data.film_table import write_films
from data.films import stars_of
from training.cli import app
from training.dataset import FilmTable
from training.errors import ExportRefused, UnfitData
from training.export.example_bundle import made_up_films
from training.export.fitness import check_films, check_learnt
from training.export.predicted_size import size_of


def changed(films, **how):
    """Return films with fields changed, each by a function of the film and its position."""
    return [
        msgspec.structs.replace(film, **{name: make(film, i) for name, make in how.items()})
        for i, film in enumerate(films)
    ]


UNFIT = {
    "nineteen films": (lambda films: films[:19], "has 19 films; at least 20 are needed"),
    "one director": (
        lambda films: changed(films, director=lambda film, i: "Ada Moss"),
        "column 'Director1' holds only 'Ada Moss'",
    ),
    "every director once": (
        lambda films: changed(films, director=lambda film, i: f"Director {i}"),
        "directors has one film",
    ),
    "one year": (
        lambda films: changed(films, year=lambda film, i: 1999),
        "column 'year' holds only 1999",
    ),
    "lists for genres": (
        lambda films: changed(films, genres=lambda film, i: ("|".join((*film.genres, "War")),)),
        "column 'Genre1' holds lists such as",
    ),
    "300 genres": (
        lambda films: changed(films, genres=lambda film, i: (f"Genre {i % 300}",)),
        "put `keep = ",
    ),
    "halved ratings": (
        lambda films: changed(films, rating=lambda film, i: film.stars / 2),
        "columns 'stars' and 'rating' contradict each other",
    ),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_table_that_cannot_make_a_useful_model_is_refused_by_file_and_column(kind):
    make, reason = UNFIT[kind]
    with pytest.raises(UnfitData) as refused:
        check_films(FilmTable("csv", "films.csv", make(made_up_films()), []))
    assert str(refused.value).startswith("films.csv: ")
    assert reason in str(refused.value)


def test_a_bundle_too_large_though_its_model_is_not_is_refused_before_it_is_fitted(monkeypatch):
    films = made_up_films()
    size = size_of(films)
    table = FilmTable("csv", "films.csv", films, [])
    monkeypatch.setattr(limits, "MAX_BUNDLE_BYTES", size.bundle_bytes)
    check_films(table)
    monkeypatch.setattr(limits, "MAX_BUNDLE_BYTES", size.bundle_bytes - 1)
    with pytest.raises(UnfitData, match="its bundle would have"):
        check_films(table)
    monkeypatch.setattr(limits, "MAX_MODEL_BYTES", size.total_bytes - 1)
    with pytest.raises(UnfitData, match="its model would have"):
        check_films(table)


def test_an_export_of_such_a_table_writes_no_bundle(tmp_path):
    table, out = tmp_path / "films.csv", tmp_path / "bundle"
    write_films(table, made_up_films()[:19])
    done = CliRunner().invoke(
        app, ["export", "--source", "csv", "--ratings", str(table), "--out", str(out)]
    )
    assert done.exit_code != 0
    assert isinstance(done.exception, UnfitData)
    assert not out.exists()


def test_a_rounded_rating_and_a_table_without_ratings_are_fine():
    films = made_up_films()
    for good in (films, changed(films, rating=lambda film, i: None)):
        check_films(FilmTable("csv", "films.csv", good, []))
    assert all(film.rating is None or stars_of(film.rating) == film.stars for film in films)


def test_a_model_worse_than_the_mean_is_refused(example):
    films = example.exported.table.films
    swapped = changed(films, stars=lambda film, i: 11 - film.stars)
    check_learnt(FilmTable("csv", "films.csv", films, []), example.model)
    with pytest.raises(ExportRefused, match="predicting the mean for every film has"):
        check_learnt(FilmTable("csv", "films.csv", swapped, []), example.model)
    assert np.isfinite(example.model.unseen_expected_).all()
