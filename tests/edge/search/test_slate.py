"""What a person can ask for, and what they read when it can't be."""

import random
import re
from pathlib import Path

import msgspec
import pytest

from data.errors import InvalidRecord
from data.films import Combination
from edge.search.catalogue_index import CatalogueIndex
from edge.search.drawn_slate import DrawnSlate, EmptySlate, draw_slate
from edge.search.pick import choose, choose_drawn
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
    # Two directors, three years, GB alone or with GA or GC, but for the one left out.
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
        ("this is no toml", "This isn't TOML: "),
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


def test_a_left_out_film_must_be_one():
    with pytest.raises(InvalidRecord, match="genres"):
        choose(MODEL, Slate(leave_out=(LeftOut(NAMES[0], 2001, ()),)))


def test_draws_are_random_and_the_same_seed_draws_the_same():
    slate = Slate(
        directors=Directors(draw=5),
        years=Years(draw=4, every=True),
        genres=Genres(draw=3),
        plausible=False,
    )
    assert space_of(slate).size == 5 * 4 * 3
    assert list(space_of(slate, 1).directors) == list(space_of(slate, 1).directors)
    assert len({tuple(space_of(slate, seed).directors) for seed in range(20)}) > 10
    assert choose(MODEL, slate, 3, seed=8).picks == choose(MODEL, slate, 3, seed=8).picks


def test_films_are_made_by_directors_of_films():
    of_kind = {e.name for e in MODEL.catalogue.directors if "film" in e.kinds}
    chosen = {NAMES[place] for place in space_of(Slate(years=Years(every=True))).directors}
    assert chosen == of_kind < set(NAMES)
    assert len(space_of(Slate.everything()).directors) == len(NAMES)


def test_what_was_made_is_not_picked_again():
    first = choose(MODEL, Slate(), 1).picks[0].combination
    again = choose(MODEL, Slate(), 1, leave_out=[first]).picks[0].combination
    assert again != first


def test_the_classic_slate_is_three_by_three_by_four():
    slate = draw_slate(MODEL, Slate(sample="any"), random.Random(2))
    assert (len(slate.directors), len(slate.years), len(slate.genre_sets)) == (3, 3, 4)
    assert len({option.combination for option in slate.options}) == 36
    assert len({option.title for option in slate.options}) == 36
    films = {entry.name: entry.films for entry in MODEL.catalogue.directors}
    assert all(films[name] > 3 for name in slate.directors)
    assert [c.combination for c in slate.options] == [
        Combination(d, y, g) for d in slate.directors for y in slate.years for g in slate.genre_sets
    ]
    assert slate == draw_slate(MODEL, Slate(sample="any"), random.Random(2))
    assert slate != draw_slate(MODEL, Slate(sample="any"), random.Random(3))


def test_the_classic_slate_holds_nothing_that_was_made():
    made = set()
    for seed in range(8):
        slate = draw_slate(MODEL, Slate(sample="any"), random.Random(seed), made)
        combinations = {option.combination for option in slate.options}
        assert made.isdisjoint(combinations)
        made |= {choose_drawn(MODEL, slate).picks[0].combination}


def test_a_catalogue_too_small_for_a_classic_slate_says_so():
    with pytest.raises(EmptySlate, match="more than 3 films"):
        draw_slate(made_up_model(1, directors=2), Slate(sample="any"), random.Random(0))


def test_the_best_of_the_classic_slate_is_the_best_of_its_36():
    slate = draw_slate(MODEL, Slate(sample="any"), random.Random(4))
    answer = choose_drawn(MODEL, slate, 5, repeat_directors=True)
    said = MODEL.predict([option.combination for option in slate.options])
    assert list(answer.expected) == [p.expected for p in said]
    ranked = sorted(
        zip(slate.options, said, strict=True), key=lambda p: (-p[1].expected, p[0].combination)
    )
    assert [pick.title for pick in answer.picks] == [c.title for c, _ in ranked[:5]]
    assert [pick.prediction for pick in answer.picks] == [p for _, p in ranked[:5]]
    one_each = choose_drawn(MODEL, slate, 3)
    assert len({pick.director for pick in one_each.picks}) == 3
    assert one_each.picks[0] == answer.picks[0]


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


def drawn(seed: int, *, today: int | None = None, **limits: object) -> DrawnSlate:
    slate = Slate(sample="next", **limits)  # type: ignore[arg-type]
    return draw_slate(MODEL, slate, random.Random(seed), today=today)


def test_a_press_scores_36_next_films_of_directors_who_were_active_lately():
    last = {entry.name: entry.last_year for entry in MODEL.catalogue.directors}
    newest = MODEL.catalogue.training_years.last
    for seed in range(10):
        slate = drawn(seed, directors=Directors(active_within=3))
        assert len({option.combination for option in slate.options}) == len(slate.options)
        assert set(slate.years) <= {newest + 1, newest + 2, newest + 3}
        assert all(last[name] >= newest - 3 for name in slate.directors)


def test_years_that_the_model_cannot_tell_apart_make_room_for_more_directors():
    slate = drawn(1, today=2100, directors=Directors(active_within=100))
    assert (len(slate.directors), slate.years, len(slate.genre_sets)) == (9, (2100,), 4)


def test_limits_hold_for_a_slate_of_36_as_well():
    for seed in range(10):
        slate = drawn(
            seed,
            directors=Directors(active_within=100),
            years=Years(first=2003, last=2005),
            genres=Genres(allowed=("GA", "GB", "GC"), required=("GB",)),
        )
        assert set(slate.years) <= {2003, 2004, 2005}
        assert all("GB" in genres for genres in slate.genre_sets)
        assert {name for genres in slate.genre_sets for name in genres} <= {"GA", "GB", "GC"}


def test_when_nothing_matches_the_limit_that_would_help_is_named():
    entry = next(e for e in MODEL.catalogue.directors if 0 < len(e.genres) < 6)
    foreign = next(
        name for number, name in enumerate(MODEL.catalogue.genres) if number not in entry.genres
    )
    named = Directors(names=(entry.name,))
    slate = Slate(directors=named, kinds=entry.kinds, genres=Genres(required=(foreign,)))
    with pytest.raises(InvalidSlate, match="Without the limit on genres it would be"):
        choose(MODEL, slate)


def test_one_rating_of_a_film_of_today_does_not_leave_a_table_without_directors():
    model = made_up_model(3)
    entries = model.catalogue.directors
    newer = msgspec.structs.replace(entries[0], last_year=2026)
    catalogue = msgspec.structs.replace(
        model.catalogue,
        directors=(newer, *entries[1:]),
        training_years=model.catalogue.training_years._replace(last=2026),
    )
    active = CatalogueIndex(catalogue).active_lately(10)
    assert active.sum() >= len(entries) // 10
