"""Valid forms, and the messages about invalid ones."""

from __future__ import annotations

import contextlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.page.forms import BadForm, fields_of, parse_form, rating_of, slate_of, stars_of
from edge.search.slate import Directors, Genres, Slate, Years


def form(**fields: object):
    return parse_form(urlencode(fields, doseq=True).encode())


@pytest.mark.parametrize("text", ["1", "10", " 7 "])
def test_stars_from_one_to_ten(text):
    assert stars_of(form(stars=text)) == int(text)


@pytest.mark.parametrize(
    "text", ["", "0", "11", "-3", "7.5", "1_0", "٣", "seven", "9" * 5000, "NaN", "0x7", "\x00"]
)
def test_anything_else_is_rejected_with_the_field(text):
    with pytest.raises(BadForm, match=r"(?i)stars") as caught:
        stars_of(form(stars=text))
    assert caught.value.field == "stars"


def test_a_field_is_sent_once():
    with pytest.raises(BadForm, match="2 times"):
        stars_of(form(stars=["7", "8"]))


@pytest.mark.parametrize(("text", "rating"), [("", None), ("7.4", 7.4), ("7,4", 7.4), ("7", 7.0)])
def test_the_exact_rating_may_be_left_out_and_takes_a_comma(text, rating):
    assert rating_of(form(rating=text), 7) == rating


@pytest.mark.parametrize("text", ["7.6", "0.9", "10.1", "nan", "inf", "1e999", "x", "٧"])
def test_an_exact_rating_must_be_one_and_go_with_the_stars(text):
    with pytest.raises(BadForm, match="exact rating"):
        rating_of(form(rating=text), 7)


@pytest.mark.parametrize(
    "body", [b"stars=%ff%fe", b"\xff\xfe", b"stars=\xc3\xbc", b"&".join([b"a=1"] * 500)]
)
def test_a_body_that_is_not_a_form_is_refused(body):
    with pytest.raises(BadForm) as caught:
        parse_form(body)
    assert caught.value.status == 400


@given(st.binary(max_size=300))
def test_any_bytes_are_a_form_or_refused(body):
    with contextlib.suppress(BadForm):
        parse_form(body)


def test_the_narrowing_form_says_what_a_slate_can_say():
    filled = form(
        draw="space",
        director=["Agnès Varda", "Agnès Varda"],
        directors="Bo Ōshima\n\n",
        first="1980",
        last="1999",
        genre=["Drama", "Comedy"],
        required=["Drama"],
        at_most="2",
        at_least_films="4",
        active_within="",
        rules="if Horror then not Family\r\n\r\nnever Uwe Boll\n",
        kind=["tv", "film"],
        plausible="yes",
    )
    assert slate_of(filled) == Slate(
        directors=Directors(names=("Agnès Varda", "Bo Ōshima"), at_least_films=4),
        years=Years(first=1980, last=1999),
        genres=Genres(allowed=("Comedy", "Drama"), required=("Drama",), at_most=2),
        kinds=("film", "tv"),
        plausible=True,
        rules=("if Horror then not Family", "never Uwe Boll"),
    )


def test_36_next_films_without_limits_are_what_a_press_draws_anyway():
    assert slate_of(form(draw="next", kind="film", plausible="yes")) is None


@pytest.mark.parametrize(("draw", "sample"), [("next", "next"), ("classic", "any")])
def test_limits_hold_for_36_films_as_well(draw, sample):
    entered = form(draw=draw, kind="film", plausible="yes", first="2026", genre="Drama")
    assert slate_of(entered) == Slate(
        sample=sample, years=Years(first=2026), genres=Genres(allowed=("Drama",))
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"draw": "other"}, "draw"),
        ({}, "draw"),
        ({"draw": "space"}, "kind"),
        ({"draw": "space", "kind": "opera"}, "kind"),
        ({"draw": "space", "kind": "film", "first": "last year"}, "first"),
        ({"draw": "space", "kind": "film", "at_most": "few"}, "at_most"),
        ({"draw": "space", "kind": "film", "director": [str(n) for n in range(300)]}, "director"),
    ],
)
def test_a_slate_that_cannot_be_meant_names_the_field(fields, field):
    with pytest.raises(BadForm) as caught:
        slate_of(form(**fields))
    assert caught.value.field == field


def test_a_slate_shown_and_sent_back_unchanged_is_the_same():
    slate = Slate(
        directors=Directors(names=("Bo Ōshima",), at_least_films=3),
        years=Years(last=1999),
        genres=Genres(required=("Drama",), at_most=2),
        plausible=False,
        rules=("never Horror", "if Drama then not before 1990"),
    )
    shown = fields_of(slate)
    sent = {
        "draw": shown["draw"],
        "director": list(shown["directors"]),
        "first": shown["first"] or "",
        "last": shown["last"] or "",
        "genre": list(shown["genres"]),
        "required": list(shown["required"]),
        "at_most": shown["at_most"],
        "at_least_films": shown["at_least_films"],
        "active_within": shown["active_within"],
        "rules": "\n".join(shown["rules"]),
        "kind": list(shown["kinds"]),
    }
    assert slate_of(form(**sent)) == slate
