"""Names are found however they were typed."""

import pytest

from edge.search.names import did_you_mean, fold, known_as

DIRECTORS = ("Agnès Varda", "Bong Joon-ho", "Chris O’Hara", "McG", "MCG", "Quentin Tarantino")
GENRES = ("Crime", "Drama", "Sci-Fi")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("agnes varda", "Agnès Varda"),
        ("AGNÈS VARDA", "Agnès Varda"),
        ("bong joon ho", "Bong Joon-ho"),
        ("chris o'hara", "Chris O’Hara"),
        ("MCG", "MCG"),
        # Two that differ in case alone: nobody can say which.
        ("mcg", "mcg"),
        ("Nobody", "Nobody"),
    ],
)
def test_case_accents_and_punctuation_do_not_matter(typed, meant):
    assert known_as(typed, DIRECTORS) == meant


def test_a_name_that_is_nearly_one_gets_a_hint_and_no_other_does():
    assert did_you_mean("quentin tarentino", DIRECTORS) == "did you mean 'Quentin Tarantino'?"
    assert did_you_mean("SciFi", GENRES) == "did you mean 'Sci-Fi'?"
    assert did_you_mean("Opera", GENRES) == ""


def test_folding_treats_letters_beyond_ascii_as_it_treats_the_others():
    assert fold("Çelik–O’Núñez") == fold("celik-o'nunez") == "celik onunez"
