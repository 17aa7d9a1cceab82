"""The templates' words: a film's as they always were, any other domain's by its own."""

from __future__ import annotations

import msgspec
import pytest

from data.domain import FILMS, from_toml
from edge.page.port import DirectorFound, PickRating
from edge.page.wording import Wording

from .test_charts import FLAT, Prediction, pick

INVOICES = from_toml("""
name = "invoices"
[choice]
column = "insurer"
word = "insurer"
words = "insurers"
[ordinal]
column = "week"
word = "week"
words = "weeks"
context = false
shift = 1899
[outcome]
column = "paid"
low = 0
high = 100
step = 1
unit = "%"
[words]
thing = "invoice"
things = "invoices"
titles = false
""")


@pytest.fixture
def films() -> Wording:
    return Wording(FILMS)


@pytest.fixture
def invoices() -> Wording:
    return Wording(INVOICES)


def test_an_article_fits_the_word_that_follows(films, invoices):
    assert invoices.words("Pick a film") == "Pick an invoice"
    assert invoices.words("An average film") == "An average invoice"
    assert invoices.words("A director and a year") == "An insurer and a week"
    assert films.words("Pick a film") == "Pick a film"


def test_outcomes_are_on_the_domains_scale_with_its_unit(films, invoices):
    assert (films.shown(5.5), films.shown(5.5, 1), films.unit) == ("5.50", "5.5", " stars")
    assert (invoices.shown(5.5), invoices.shown(10.0, 1), invoices.unit) == ("50.00", "100.0", " %")
    assert (films.by(0.9), invoices.by(0.9), invoices.apart(-0.9)) == ("+0.90", "+10.00", "-10.0")
    assert (films.good, invoices.good) == ("8 stars", "77.8 %")


def test_a_rating_is_shown_as_it_was_given(films, invoices):
    given = PickRating("", 9, "owner", "2026-11-22T11:00:00Z", "stored", 8.83)
    assert films.given_with_unit(given) == "8.83 stars"
    assert invoices.given_with_unit(given) == "87 %"
    assert films.given_with_unit(msgspec.structs.replace(given, stars=1, rating=None)) == "1 star"


def test_what_a_domain_lacks_is_left_out(films, invoices):
    chosen = msgspec.structs.replace(pick(Prediction(6.0, FLAT)), year=1902)
    assert films.line(chosen) == "Agnès Varda · 1902 · Comedy, Drama"
    assert films.line(chosen, named=False) == "Agnès Varda · 1902 · Comedy, Drama"
    assert invoices.line(chosen) == "Agnès Varda · week 3"
    assert invoices.line(chosen, named=False) == "week 3"
    assert (films.title(chosen), invoices.title(chosen)) == (chosen.title, "Agnès Varda")


def test_a_career_is_counted_in_the_domains_words(films, invoices):
    one = DirectorFound("Axa", 2, 1900, 1910, ("film",))
    assert films.career(one) == "2 films, 1900–1910"
    assert invoices.career(one) == "2 invoices, 1–11"
