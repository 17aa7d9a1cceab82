"""A film as an item of the historical table, with the original's attribute names."""

import json
import random

import pytest

from data.errors import InvalidRecord
from data.film_table import BadRow
from data.films import Film
from lambdas.operator.film_items import item_of, items_of

LUCKY = Film("Lucky (2011/III)", 2011, "Jean-Pierre Ño", ("Comedy", "Drama"), "film", 7, 6.5, 1501)


def made_up(count, seed=0):
    rng = random.Random(seed)
    films = []
    for n in range(count):
        year = 1990 + n % 9
        director = f"Director {rng.randrange(40)}"
        films.append(Film(f"Film {n} ({year})", year, director, ("Drama",), "film", 5))
    return films


def test_an_item_has_the_originals_attribute_names():
    assert item_of(LUCKY) == {
        "pk": {"S": "FILM#Lucky (2011/III)#2011#Jean-Pierre Ño"},
        "title": {"S": "Lucky (2011/III)"},
        "Director1": {"S": "Jean-Pierre Ño"},
        "Genre1": {"S": "Comedy"},
        "Genre2": {"S": "Drama"},
        "Genre3": {"S": "None"},
        "stars": {"N": "7"},
        "year": {"N": "2011"},
        "rating": {"N": "6.5"},
        "votes": {"N": "1501"},
    }


def test_each_line_of_a_part_is_an_item_and_no_part_is_large():
    parts = list(items_of(made_up(12_000)).parts())
    assert [part.count(b"\n") for part in parts] == [5_000, 5_000, 2_000]
    assert json.loads(parts[1].splitlines()[0])["Item"]["title"] == {"S": "Film 5000 (1995)"}


def test_a_key_comes_once_and_the_first_film_counts():
    again = Film(LUCKY.title, LUCKY.year, LUCKY.director, ("Horror",), "film", 2)
    items = items_of([LUCKY, again])
    assert (items.items, items.repeats) == ((item_of(LUCKY),), 1)


def test_a_table_with_a_bad_row_is_refused_whole():
    with pytest.raises(InvalidRecord, match=r"line 3 can't be used: `year` .*clean table"):
        items_of([LUCKY, BadRow(3, "`year` is missing", ())])


def test_a_key_that_dynamodb_would_refuse_is_refused_here():
    with pytest.raises(InvalidRecord, match="2048"):
        item_of(Film("語" * 400, 2000, "語" * 400, ("Drama",), "film", 5))
