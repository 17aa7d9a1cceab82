"""Which ratings are held out: by a key, for good, all of a combination alike."""

import hashlib
import hmac

from data.domain import NO_ORDINAL, NO_TAG
from data.held_out import canonical, is_held_out, too_few

KEY = b"key"


def test_the_choice_is_the_hmac_of_the_combinations_canonical_json():
    assert canonical("Agnès Varda", 1962, ("Drama", "Comedy"), "pick") == (
        '["Agnès Varda",1962,["Comedy","Drama"]]'.encode()
    )
    for year in range(1900, 2000):
        digest = hmac.new(KEY, canonical("D", year, ["War"], "pick"), hashlib.sha256).digest()
        chosen = int.from_bytes(digest[:8], "big") % 10 == 0
        assert is_held_out(KEY, "D", year, ["War"], "pick") == chosen


def test_choices_never_change_and_genres_have_no_order():
    chosen = [
        y for y in range(1950, 2010) if is_held_out(KEY, "A director", y, ["Drama", "War"], "one")
    ]
    assert chosen == [1956, 1969, 1986, 1988, 1997, 2003]
    assert chosen == [
        y
        for y in range(1950, 2010)
        if is_held_out(KEY, "A director", y, ["War", "Drama"], "another")
    ]


def test_where_a_combination_is_nothing_but_a_choice_picks_are_held_out_instead():
    plumber = ("Ann's Pipes", NO_ORDINAL, [NO_TAG])
    chosen = [is_held_out(KEY, *plumber, str(number)) for number in range(1_000)]
    assert 70 < sum(chosen) < 130
    assert canonical(*plumber, "7").endswith(b',"7"]')


def test_another_key_chooses_others_and_each_about_a_tenth():
    def chosen(key):
        films = ((f"Director {number}", 1990, ["Drama"]) for number in range(2_000))
        return {film[0] for film in films if is_held_out(key, *film, "pick")}

    one, other = chosen(KEY), chosen(b"another")
    assert 150 < len(one) < 250
    assert 150 < len(other) < 250
    assert len(one & other) < 50


def test_too_few_ratings_are_refused_with_how_many_more_are_needed():
    assert too_few(10, 100) is None
    assert too_few(2, 14) == (
        "Only 2 of 14 ratings are held out for judging; at least 10 are needed. "
        "One combination in 10 is held out, so about 80 more ratings are needed."
    )
