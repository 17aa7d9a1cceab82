"""A slate becomes a search space: draws, kinds and years."""

import random

from edge.search.pick import choose
from edge.search.resolve import resolve
from edge.search.slate import Directors, Genres, Slate, Years

from .made_up import model as made_up_model

MODEL = made_up_model(11, directors=40, genres=6, years=20, kinds=("film", "tv"))


NAMES = [entry.name for entry in MODEL.catalogue.directors]


def space_of(slate, seed=0):
    return resolve(slate, MODEL.index, random.Random(seed))


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


def test_names_may_be_typed_in_any_case():
    exact, typed = (
        space_of(
            Slate(
                directors=Directors(names=(change(NAMES[3]),)),
                years=Years(every=True),
                genres=Genres(allowed=(change("GA"), change("GB")), required=(change("GA"),)),
                kinds=("film", "tv"),
                plausible=False,
            )
        )
        for change in (str, str.swapcase)
    )
    assert exact.size
    assert (typed.size, list(typed.sets)) == (exact.size, list(exact.sets))
    assert list(typed.directors) == list(exact.directors) == [3]
