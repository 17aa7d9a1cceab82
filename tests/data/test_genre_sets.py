"""Genre sets are numbered in the order in which ties are broken, and overlaps without gaps."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.genre_sets import GenreSets, overlap_count, overlap_ranks


@given(st.sets(st.text(min_size=1, max_size=6), min_size=1, max_size=7))
def test_sets_are_in_code_point_order_of_their_sorted_names(names):
    genres = GenreSets(sorted(names))
    written = [genres.names(number) for number in range(genres.count)]
    assert written == sorted(written)
    assert len(set(written)) == genres.count
    for number, one in enumerate(written):
        assert genres.index_of(reversed(one)) == number
        assert genres.sizes[number] == len(one)
        assert set(genres.members[number][: len(one)]) == set(genres.flags[number].nonzero()[0])


def test_unknown_genres_do_not_count():
    genres = GenreSets(["Comedy", "Drama"])
    assert genres.index_of(["Drama", "Unheard"]) == genres.index_of(["Drama", "Drama"])
    assert genres.index_of(["Unheard"]) == genres.empty
    assert genres.names(genres.empty) == ()


def test_names_out_of_order_are_refused():
    with pytest.raises(ValueError, match="code-point order"):
        GenreSets(["Drama", "Comedy"])


@given(st.integers(0, 27))
def test_overlaps_are_ranked_from_zero_without_gaps(own):
    base3, base2 = overlap_ranks(own)
    ranks = [
        int(base3[a] + base2[b] + c)
        for size in range(4)
        for chosen in itertools.combinations(range(1, own + 1), size)
        for a, b, c in [(*sorted(chosen, reverse=True), 0, 0, 0)[:3]]
    ]
    assert sorted(ranks) == list(range(overlap_count(own)))
