"""Choosing leaves out what was made, and says which limit to lift when nothing matches."""

import pytest

from edge.search.pick import choose
from edge.search.slate import Directors, Genres, InvalidSlate, Slate

from .made_up import model as made_up_model

MODEL = made_up_model(11, directors=40, genres=6, years=20, kinds=("film", "tv"))


def test_films_already_made_are_not_picked_again():
    first = choose(MODEL, Slate(), 1).picks[0].combination
    again = choose(MODEL, Slate(), 1, leave_out=[first]).picks[0].combination
    assert again != first


def test_when_nothing_matches_the_limit_that_would_help_is_named():
    entry = next(e for e in MODEL.catalogue.directors if 0 < len(e.genres) < 6)
    foreign = next(
        name for number, name in enumerate(MODEL.catalogue.genres) if number not in entry.genres
    )
    named = Directors(names=(entry.name,))
    slate = Slate(directors=named, kinds=entry.kinds, genres=Genres(required=(foreign,)))
    with pytest.raises(InvalidSlate, match="Without the limit on genres it would be"):
        choose(MODEL, slate)
