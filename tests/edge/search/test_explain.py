"""Reasons add up exactly, and are the Shapley values that their definition gives."""

import itertools
from fractions import Fraction

import pytest

from data.films import Combination
from edge.search.explain import explain
from edge.search.pick import choose
from edge.search.slate import Slate

from .made_up import model as made_up_model

pytestmark = pytest.mark.numeric


def by_definition(model, film):
    """Average what each part adds over all six orders of exchanging them, in exact fractions."""
    genres = model.catalogue.genres
    background = [
        Combination(row.director, row.year, tuple(genres[i] for i in row.genres))
        for row in model.catalogue.background
    ]

    def value(parts):
        mixed = [
            Combination(*(getattr(film if part in parts else row, part) for part in order))
            for row in background
        ]
        return sum(Fraction(p.expected) for p in model.predict(mixed)) / len(mixed)

    order = ("director", "year", "genres")
    values = {
        frozenset(parts): value(parts)
        for size in range(4)
        for parts in itertools.combinations(order, size)
    }
    shares = dict.fromkeys(order, Fraction(0))
    for exchange in itertools.permutations(order):
        before = frozenset()
        for part in exchange:
            shares[part] += (values[before | {part}] - values[before]) / 6
            before |= {part}
    return values[frozenset()], shares


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_the_shapley_values_of_their_definition(seed):
    model = made_up_model(seed)
    for pick in choose(model, Slate.everything(), 3, repeat_directors=True).picks:
        average, shares = by_definition(model, pick.combination)
        assert abs(Fraction(pick.why.average) - average) < 1e-8
        for part, share in shares.items():
            assert abs(Fraction(getattr(pick.why, part)) - share) < 1e-8


def test_shares_add_up_to_expected_to_the_last_bit(real_model):
    for slate in (Slate(), Slate.everything()):
        for pick in choose(real_model, slate, 200, repeat_directors=slate.plausible).picks:
            why = pick.why
            parts = (why.average, why.director, why.year, why.genres)
            # In whatever order they are added.
            assert {sum(order) for order in itertools.permutations(parts)} == {pick.expected}


def test_a_film_of_the_average_kind_owes_nothing_to_anyone():
    model = made_up_model(2, spread=0)
    film = choose(model, Slate.everything()).picks[0]
    [why] = explain(model, [film.combination], [film.expected])
    assert (why.average, why.director, why.year, why.genres) == (film.expected, 0, 0, 0)
