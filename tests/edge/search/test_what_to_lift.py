"""When nothing matches, what the message names can be lifted, and then something does."""

import csv
import random
import re
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from data.films import KINDS, Combination, genre_slots
from edge.search.drawn_slate import EmptySlate, draw_slate
from edge.search.pick import choose, choose_among
from edge.search.slate import Directors, Genres, InvalidSlate, LeftOut, Slate, Years

from .made_up import model as made_up_model
from .plain import combinations_of

MODEL = made_up_model(11, directors=12, genres=4, years=12, kinds=("film", "tv"))
NAMES = [entry.name for entry in MODEL.catalogue.directors]
GENRES = MODEL.catalogue.genres
# What each limit's name stands for, written here once more.
WITHOUT = {
    "the limit on genres": {"genres": Genres()},
    "the limit on years": {"years": Years()},
    "the limit on directors": {"directors": Directors()},
    "the limit on kinds": {"kinds": KINDS},
    "“plausible only”": {"plausible": False},
    "all the rules": {"rules": ()},
    "leaving out what was already made": {"leave_out": ()},
}
RULES = (
    "never GA or GB",
    "never GC or GD",
    "if GA then GB and GC",
    "if GB then not GA",
    "never after 1900",
    "at most 0 of GA, GB, GC, GD",
)
MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def lifted(slate, made, said):
    """Return a slate and what was made, without what a message names."""
    limits = re.search(r"Without (.*?) (?:it|they) would", said)[1]
    for limit in re.split(r" and (?=the|all|leaving|“plaus)", limits):
        if rule := re.fullmatch(r"the rule “(.*)”", limit):
            rest = tuple(other for other in slate.rules if other != rule[1])
            assert rest != slate.rules
            slate = msgspec.structs.replace(slate, rules=rest)
            continue
        slate = msgspec.structs.replace(slate, **WITHOUT[limit])
        made = () if limit.startswith("leaving") else made
    event(re.sub("“.*”", "", limits))
    return slate, made


def refusal(ask):
    """Return what is said when nothing matches, or nothing."""
    try:
        ask()
    except (EmptySlate, InvalidSlate) as error:
        return str(error)
    return ""


@st.composite
def slates(draw, sample):
    """Draw a slate with tight limits of every class."""
    name, genre = st.sampled_from(NAMES), st.sampled_from(GENRES)
    year = st.integers(1995, 2040)
    few = {"max_size": 2, "unique": True}
    films = st.builds(
        LeftOut, name, year, st.lists(genre, min_size=1, max_size=2, unique=True).map(tuple)
    )
    return Slate(
        sample=sample,
        directors=draw(
            st.builds(
                Directors,
                names=st.lists(name, **few).map(tuple),
                at_least_films=st.sampled_from([0, 3, 9, 20]),
                active_within=st.sampled_from([0, 10]),
            )
        ),
        years=draw(st.sampled_from([Years(), Years(only=(1950,)), Years(first=2003, last=2004)])),
        genres=draw(
            st.builds(
                Genres,
                allowed=st.lists(genre, **few).map(tuple),
                required=st.lists(genre, max_size=3, unique=True).map(tuple),
                at_most=st.integers(1, 3),
            )
        ),
        kinds=draw(st.sampled_from([KINDS, ("film",), ("tv",), ("game",)])),
        plausible=draw(st.booleans()),
        leave_out=tuple(draw(st.lists(films, max_size=2))),
        rules=tuple(draw(st.lists(st.sampled_from(RULES), max_size=3, unique=True))),
    )


@pytest.mark.numeric
@MANY
@given(slates("all"), st.booleans())
def test_what_a_search_names_leaves_exactly_as_many_as_it_says(slate, everything_made):
    made = ()
    if everything_made:
        bare = msgspec.structs.replace(slate, rules=(), leave_out=())
        made = tuple(combinations_of(bare, MODEL.catalogue))
    if said := refusal(lambda: choose(MODEL, slate, explained=False, leave_out=made)):
        # Without every limit everything is left, so something can always be lifted.
        wider, kept = lifted(slate, made, said)
        found = choose(MODEL, wider, explained=False, leave_out=kept)
        assert f" would be {found.space.size:,} films" in said


@pytest.mark.numeric
@MANY
@given(slates("next"), st.integers(0, 3))
def test_what_a_press_names_lets_36_or_fewer_be_drawn(slate, seed):
    said = refusal(lambda: draw_slate(MODEL, slate, random.Random(seed)))
    if "Without" in said:
        wider, _ = lifted(slate, (), said)
        assert draw_slate(MODEL, wider, random.Random(seed)).options


@pytest.mark.numeric
@MANY
@given(
    rules=st.lists(st.sampled_from(RULES), max_size=3, unique=True),
    rows=st.lists(
        st.builds(
            Combination,
            st.sampled_from([*NAMES[:2], "Somebody Else"]),
            st.integers(1995, 2010),
            st.lists(st.sampled_from(GENRES), min_size=1, max_size=3, unique=True).map(
                lambda genres: tuple(sorted(genres))
            ),
        ),
        min_size=1,
        max_size=5,
    ),
    every_one_made=st.booleans(),
)
def test_what_a_search_of_a_list_names_leaves_as_many_rows_as_it_says(rules, rows, every_one_made):
    made = rows if every_one_made else rows[:1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["title", "year", "Director1", "Genre1", "Genre2", "Genre3"])
            for film in rows:
                writer.writerow(["", film.year, film.director, *genre_slots(film.genres)])
        said = refusal(lambda: choose_among(MODEL, path, rules=rules, leave_out=made))
        if said:
            wider, kept = lifted(Slate(rules=tuple(rules)), tuple(made), said)
            left = choose_among(
                MODEL, path, len(rows), differ=(), rules=wider.rules, leave_out=kept
            )
            different = {pick.combination for pick in left.picks}
            count = int(re.search(r"would be ([\d,]+) rows", said)[1])
            assert count == sum(film in different for film in rows)
