"""The charts match the numbers, stay inside their frames, and have text alternatives."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.ids import new_id
from data.picks import Pick, Prediction
from edge.page import charts
from edge.page.port import PickEntry, PickRating
from edge.search.explained import Why

FLAT = (0.1,) * 10


def pick(prediction: Prediction) -> Pick:
    return Pick(
        id=new_id(),
        title="A Day in the Snow",
        director="Agnès Varda",
        year=1985,
        genres=("Comedy", "Drama"),
        prediction=prediction,
        model_version=1,
        model_hash="ab" * 32,
        made_at="2026-11-22T10:00:00Z",
        boot_id=new_id(),
    )


def entry(seq: int, expected: float, *stars: int) -> PickEntry:
    ratings = tuple(
        PickRating(new_id(), s, "owner", "2026-11-22T11:00:00Z", "stored") for s in stars
    )
    return PickEntry(seq, pick(Prediction(expected, FLAT)), "approved", ratings)


@given(st.lists(st.floats(0, 1), min_size=10, max_size=10), st.floats(-3, 14))
def test_bars_and_marker_stay_inside_whatever_is_predicted(shares, expected):
    chart = charts.distribution(Prediction(expected, tuple(shares)))
    for bar in chart.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= chart.width
        assert 0 <= bar.y <= bar.y + bar.height <= chart.base + 1
    assert 0 <= chart.marker <= chart.width
    assert 1 <= chart.expected <= 10


def test_the_likeliest_stars_have_the_tallest_bar_and_the_words_name_each():
    chart = charts.distribution(Prediction(7.6, (0.0,) * 6 + (0.5, 0.3, 0.15, 0.05)))
    assert max(chart.bars, key=lambda bar: bar.height).name == "7"
    assert [bar.name for bar in chart.bars if bar.good] == ["8", "9", "10"]
    assert chart.good == pytest.approx(0.5)
    assert "7.6 stars expected." in chart.words
    assert "7 stars 50%" in chart.words
    assert "1 star under 0.1%" in chart.words


def test_reasons_lead_from_the_average_to_what_is_expected():
    chosen = pick(Prediction(7.0, FLAT))
    shown = charts.reasons(
        chosen.combination, 7.0, Why(average=6.0, director=1.5, year=-0.25, genres=-0.25)
    )
    assert [share.stars for share in shown.shares] == [1.5, -0.25, -0.25]
    assert shown.average + sum(share.stars for share in shown.shares) == shown.expected
    for share in shown.shares:
        assert 0 <= share.x <= share.x + share.width <= 100


def test_no_reasons_at_all_still_make_a_chart():
    shown = charts.reasons(pick(Prediction(6.0, FLAT)).combination, 6.0, Why(6.0, 0.0, 0.0, 0.0))
    assert [share.width for share in shown.shares] == [1.0, 1.0, 1.0]


def test_the_timeline_is_of_rated_films_only_oldest_first():
    found = charts.timeline([entry(3, 8.0), entry(2, 7.0, 5), entry(1, 6.0, 7)])
    assert found is not None
    assert [point.number for point in found.points] == [1, 2]
    assert found.error == pytest.approx(1.5)
    assert "predicted 7.0, got 5" in found.words
    assert charts.timeline([entry(1, 6.0)]) is None


def test_the_timeline_says_when_how_far_off_so_far_and_which_version_predicted():
    found = charts.timeline([entry(3, 7.0, 9), entry(2, 7.0, 5), entry(1, 6.0, 7)])
    assert found is not None
    assert [point.version for point in found.points] == [1, None, None]
    assert [bool(point.day) for point in found.points] == [True, False, False]
    heights = [float(pair.split(",")[1]) for pair in found.rmse.split()]
    assert [float(pair.split(",")[0]) for pair in found.rmse.split()] == [p.x for p in found.points]
    # After errors of 1, 2 and 2 stars: the higher, the further off.
    assert heights[0] > heights[1] > heights[2] > found.lines[-1][0]
    assert found.last_rmse == f"{3**0.5:.2f}"


def test_more_stars_are_higher_and_everything_is_inside():
    found = charts.timeline([entry(2, 12.0, 10), entry(1, -1.0, 1)])
    assert found is not None
    low, high = found.points
    assert high.real_y < low.real_y
    for point in found.points:
        assert 0 < point.real_y < found.height
        assert 0 < point.predicted_y < found.height


def test_rays_are_as_many_as_stars():
    assert len(charts.rays(Prediction(5.0, FLAT))) == 10


def test_a_track_shows_real_stars_only_where_there_are_any():
    assert charts.track(entry(1, 6.0)).real_x is None
    assert charts.track(entry(1, 1.0, 10)) == charts.Track(12.0, 308.0)
    assert msgspec.structs.asdict(charts.track(entry(1, 1.0, 1)))["real_x"] == 12.0
