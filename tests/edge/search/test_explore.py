"""An exploring pick is the exact best of score and draw: compared with ranking every row."""

import io
import random

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from rich.console import Console

from data.catalogue import USUAL_SPREAD, Spread
from edge.search.best import Search
from edge.search.drawn_slate import draw_slate
from edge.search.explore import draw_offsets
from edge.search.pick import choose, choose_drawn
from edge.search.resolve import resolve
from edge.search.show import pick_table
from edge.search.slate import Slate

from .made_up import model as made_up_model
from .plain import best_of, combinations_of
from .test_best import models, slates

pytestmark = pytest.mark.numeric


def drawn_of(pick):
    return (-pick.expected - pick.drawn, pick.combination)


def best_with_draws(model, combinations, offsets, k, repeat_directors):
    """Return (combination, score and draw) of the best k, from ONNX Runtime's scores of all."""
    scored = [
        (film, said.score + offsets[film.director])
        for film, said in zip(combinations, model.predict(combinations), strict=True)
    ]
    ranked = sorted(scored, key=lambda pair: (-pair[1], pair[0]))
    if not repeat_directors:
        first = {}
        for pair in ranked:
            first.setdefault(pair[0].director, pair)
        ranked = list(first.values())
    return ranked[:k]


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_raised_search_finds_what_ranking_every_score_and_draw_finds(data):
    model = data.draw(models())
    slate = data.draw(slates(model.catalogue))
    every = combinations_of(slate, model.catalogue)
    assume(every)
    space = resolve(slate, model.index, random.Random(0))
    # Draws smaller than scores differ, of their size, and far larger; and none, which ties many.
    wide = data.draw(st.sampled_from([0, 1, 3000, 200_000]))
    rng = random.Random(data.draw(st.integers(0, 2**32 - 1)))
    offsets = np.array([rng.randint(-wide, wide) for _ in space.directors], np.int32)
    of_name = {model.index.names[d]: o for d, o in zip(space.directors, offsets, strict=True)}
    k, repeat = data.draw(st.sampled_from([1, 3, 40])), data.draw(st.booleans())
    plain = Search(model.tables, space)
    before = plain.best(k, repeat_directors=repeat)
    found = plain.raised(offsets).best(k, repeat_directors=repeat)
    films = [space.combination(*cell) for cell in zip(*found.cells, strict=True)]
    wanted = best_with_draws(model, every, of_name, k, repeat)
    assert list(zip(films, found.scores.tolist(), strict=True)) == wanted
    # The search it was made from is as it was.
    again = plain.best(k, repeat_directors=repeat)
    assert all(map(np.array_equal, (before.scores, *before.cells), (again.scores, *again.cells)))


@pytest.mark.parametrize("kind", ["tables", "no tables", "tables that lie"])
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_first_pick_is_best_with_its_draw_and_the_others_are_best_without(kind, data):
    model = data.draw(models(kind != "no tables", lie=kind == "tables that lie"))
    slate = data.draw(slates(model.catalogue))
    k, repeat = data.draw(st.sampled_from([1, 2, 30])), data.draw(st.booleans())
    seed = data.draw(st.integers(0, 2**32 - 1))
    every = combinations_of(slate, model.catalogue)
    assume(every)
    arguments = {"repeat_directors": repeat, "seed": seed, "explained": False}
    answer = choose(model, slate, k, explore=True, **arguments)
    # What was drawn for every director, from an answer that lists them all.
    all_of_them = choose(
        model, slate, len(every), explore=True, **arguments | {"repeat_directors": False}
    )
    offsets = {pick.director: pick.drawn for pick in all_of_them.picks}
    said = zip(every, model.predict(every), strict=True)
    wanted = min((-s.expected - offsets[film.director], film) for film, s in said)
    assert drawn_of(answer.picks[0]) == wanted
    # The prediction is the model's own: nothing that was drawn is in it.
    assert model.predict([answer.picks[0].combination]) == [answer.picks[0].prediction]
    best = best_of(model, every, len(every), repeat)
    listed = [film for film, _ in best if film != wanted[1]]
    assert [pick.combination for pick in answer.picks] == [wanted[1], *listed][:k]
    assert answer.explored == (wanted[1] != best[0][0])
    if answer.explored:
        assert answer.runner_up.combination == best[0][0]
    # Without exploring the same seed gives the same slate, and nothing is drawn.
    plain = choose(model, slate, k, **arguments)
    assert not plain.explored
    assert plain.space == answer.space
    assert [pick.drawn for pick in plain.picks] == [None] * len(plain.picks)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([3000, 2, 0]))
def test_the_classic_slate_explores_alike(seed, repeat, spread):
    model = made_up_model(seed % 7, directors=30, genres=6, years=20, spread=spread)
    slate = draw_slate(model, Slate(sample="any"), random.Random(seed))
    films = [option.combination for option in slate.options]
    answer = choose_drawn(model, slate, 36, repeat_directors=repeat, seed=seed, explore=True)
    offsets = {pick.director: pick.drawn for pick in answer.picks}
    assert set(offsets) == set(slate.directors)
    said = zip(films, model.predict(films), strict=True)
    wanted = min((-s.expected - offsets[film.director], film) for film, s in said)
    assert drawn_of(answer.picks[0]) == wanted
    plain = choose_drawn(model, slate, 36, repeat_directors=repeat, seed=seed)
    assert [pick.combination for pick in answer.picks[1:]] == [
        pick.combination for pick in plain.picks if pick.combination != wanted[1]
    ]
    assert answer.explored == (wanted[1] != plain.picks[0].combination)
    assert answer.expected == plain.expected


def test_the_real_bundles_exploring_pick_is_best_of_every_directors_best(real_model):
    every = len(real_model.catalogue.directors)
    ranked = choose(real_model, Slate(), every, seed=11, explained=False, explore=True)
    assert ranked.fault is None
    assert ranked.searched == "tables"
    assert drawn_of(ranked.picks[0]) == min(map(drawn_of, ranked.picks))


def test_draws_have_the_spread_of_what_is_not_known():
    catalogue = made_up_model(1).catalogue
    narrow = msgspec.structs.replace(catalogue, spread=Spread(between=0.5, within=1.0))
    for names, spread in ((catalogue, USUAL_SPREAD), (narrow, narrow.spread)):
        for films in (0, 1, 9):
            drawn = draw_offsets(names, [films] * 20_000, random.Random(5)) / 4096
            wanted = 1 / (1 / spread.between + films / spread.within)
            assert drawn.mean() == pytest.approx(0, abs=0.02)
            assert drawn.var() == pytest.approx(wanted, rel=0.05)


def test_a_seed_draws_the_same_again_and_another_something_else():
    model = made_up_model(4)
    picks = [choose(model, Slate(), 5, seed=seed, explore=True).picks for seed in (1, 1, 2)]
    assert picks[0] == picks[1]
    assert [pick.drawn for pick in picks[1]] != [pick.drawn for pick in picks[2]]


def test_a_person_reads_what_was_drawn_and_what_the_best_was():
    model = made_up_model(6, spread=600)
    answers = [choose(model, Slate(), seed=seed, explore=True) for seed in range(60)]
    explored = next(answer for answer in answers if answer.explored)
    same = next(answer for answer in answers if not answer.explored)
    shown = {}
    for answer in (explored, same):
        console = Console(width=200, record=True, file=io.StringIO())
        console.print(pick_table(answer))
        shown[answer.explored] = console.export_text()
    assert "A film to learn from" in shown[True]
    assert f"{explored.picks[0].drawn:+.2f} on top" in shown[True]
    assert f"ahead: {explored.runner_up.title}" in shown[True]
    assert "The film to make" in shown[False]
    assert "and still the best" in shown[False]
    assert f"behind: {same.runner_up.title}" in shown[False]
