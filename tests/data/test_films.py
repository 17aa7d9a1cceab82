"""Films and combinations: which values are valid, and which aren't."""

import pytest

from data.errors import InvalidRecord
from data.films import combination, kind_of, stars_of


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Lucky (2011/III)", "film"),
        ("Stargate: The Ark of Truth (2008) (V)", "video"),
        ("Duel (1971) (TV)", "tv"),
        ("Myst (1993) (VG)", "game"),
        ("V (for Vendetta)", "film"),
        ("(TV) or not", "film"),
    ],
)
def test_the_kind_is_read_from_the_suffix(title, kind):
    assert kind_of(title) == kind


@pytest.mark.parametrize(("rating", "stars"), [(6.5, 6), (7.5, 8), (0.2, 1), (9.9, 10), (6.51, 7)])
def test_stars_are_rounded_half_to_even_within_one_to_ten(rating, stars):
    assert stars_of(rating) == stars


def test_a_typed_combination_is_put_in_order():
    made = combination(" Agne\u0300s Varda ", 2027, ["Drama", "Comedy", "None", "Drama"])
    assert (made.director, made.genres) == ("Agnès Varda", ("Comedy", "Drama"))
    with pytest.raises(InvalidRecord, match="4 genres"):
        combination("D", 2027, ["A", "B", "C", "D"])
