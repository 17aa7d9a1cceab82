"""The season that the demonstration adds: real records of an audience with another taste."""

from __future__ import annotations

from statistics import fmean

from local_cloud.demo.season import make_season
from training.export.example_bundle import made_up_films

FILMS = made_up_films(400)
SEASON = make_season(FILMS, "MovieSelector", 1, "ab" * 32, 250)


def test_every_rating_is_valid_and_its_own_film():
    for rating in SEASON.ratings:
        rating.check()
    assert len({rating.id for rating in SEASON.ratings}) == len(SEASON.ratings) == 250
    assert make_season(FILMS, "MovieSelector", 1, "ab" * 32, 250) == SEASON


def test_the_audience_differs_from_the_table_as_it_is_said_to():
    def more_than_the_table(genre: str, other: str) -> float:
        return fmean(
            one.rating - one.expected
            for one in SEASON.ratings
            if genre in one.genres and other not in one.genres
        )

    assert more_than_the_table(SEASON.loved, SEASON.disliked) > 0.8
    assert more_than_the_table(SEASON.disliked, SEASON.loved) < -0.8
