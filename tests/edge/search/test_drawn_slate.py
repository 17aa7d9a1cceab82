"""The slate of 36 that a press scores, and the classic three by three by four."""

import random

import pytest

from data.films import Combination
from edge.search.drawn_slate import DrawnSlate, EmptySlate, draw_slate
from edge.search.pick import choose_drawn
from edge.search.slate import Directors, Genres, Slate, Years

from .made_up import model as made_up_model

MODEL = made_up_model(11, directors=40, genres=6, years=20, kinds=("film", "tv"))


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


def test_years_that_the_model_scores_alike_make_room_for_more_directors():
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
