"""What a slate can ask for, and the messages about invalid ones."""

import random
import re
from pathlib import Path

import pytest

from data.errors import InvalidRecord
from data.films import Combination
from edge.search.pick import choose
from edge.search.resolve import resolve
from edge.search.rules import parse
from edge.search.slate import Directors, Genres, InvalidSlate, LeftOut, Slate, Years

from .made_up import model as made_up_model

MODEL = made_up_model(11, directors=40, genres=6, years=20, kinds=("film", "tv"))


NAMES = [entry.name for entry in MODEL.catalogue.directors]


def space_of(slate, seed=0):
    return resolve(slate, MODEL.index, random.Random(seed))


def test_a_toml_slate_says_all_that_can_be_said():
    slate = Slate.from_toml(f"""
        kinds = ["film", "tv"]
        plausible = false
        [directors]
        names = [{NAMES[0]!r}, {NAMES[3]!r}]
        at_least_films = 1
        [years]
        first = 2003
        last = 2005
        [genres]
        allowed = ["GA", "GB", "GC"]
        required = ["GB"]
        at_most = 2
        [[leave_out]]
        director = {NAMES[0]!r}
        year = 2004
        genres = ["GB", "GA"]
    """)
    space = space_of(slate)
    # Two directors, three years, GB alone or with GA or GC, except for the one left out.
    assert space.size == 2 * 3 * 3 - 1
    found = {
        space.index.combination(*place)
        for block in space.blocks()
        for place in zip(*block, strict=True)
    }
    assert len(found) == space.size
    assert Combination(NAMES[0], 2004, ("GA", "GB")) not in found
    assert Combination(NAMES[3], 2004, ("GA", "GB")) in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[years]\nfirst = 'early'", "`first` in [years]: "),
        ("[directors]\nat_lest_films = 3", "`at_lest_films` in [directors]: "),
        ("kinds = ['opera']", "`kinds"),
        ("not toml at all", "This isn't TOML: "),
    ],
)
def test_a_slate_that_cannot_be_read_names_the_entry(text, said):
    with pytest.raises(InvalidSlate) as refused:
        Slate.from_toml(text)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("slate", "said"),
    [
        (Slate(directors=Directors(names=(NAMES[5][:-1] + "x",))), f"did you mean {NAMES[5]!r}"),
        (Slate(genres=Genres(allowed=("GZ",))), "doesn't know the genre 'GZ'"),
        (
            Slate(genres=Genres(required=("GA", "GB", "GC"), at_most=2)),
            "Without the limit on genres",
        ),
        (Slate(genres=Genres(at_most=4)), "1 to 3"),
        (Slate(years=Years(only=(1066,))), "1870 to 2200"),
        (Slate(years=Years(first=2010, last=2001)), "2010, comes after the last, 2001"),
        (Slate(years=Years(only=(2001,), first=2002)), "single years or a first and last"),
        (Slate(directors=Directors(at_least_films=99)), "Without the limit on directors"),
        (Slate(directors=Directors(draw=0)), "Draw at least one of the directors"),
        (Slate(kinds=()), "at least one kind"),
    ],
)
def test_what_the_model_does_not_know_is_refused_with_a_hint(slate, said):
    with pytest.raises(InvalidSlate, match=said.replace("(", r"\(")):
        choose(MODEL, slate)


def test_a_left_out_film_must_be_valid():
    with pytest.raises(InvalidRecord, match="genres"):
        choose(MODEL, Slate(leave_out=(LeftOut(NAMES[0], 2001, ()),)))


def test_the_example_slate_can_be_read_and_says_something_of_every_part():
    text = (Path(__file__).parents[3] / "edge/search/slate.example.toml").read_text(
        encoding="utf-8"
    )
    slate = Slate.from_toml(text)
    assert slate.leave_out
    assert len([parse(rule) for rule in slate.rules]) == 5
    for part, plain in (
        (slate.directors, Directors()),
        (slate.years, Years()),
        (slate.genres, Genres()),
    ):
        assert part != plain
    # What is commented out must be right, too.
    whole = re.sub(r"(?m)^# (?=(names|draw|allowed|active_within) = )", "", text)
    assert whole != text
    every = Slate.from_toml(whole)
    assert None not in (every.directors.draw, every.years.draw, every.genres.draw)
    assert every.genres.allowed
