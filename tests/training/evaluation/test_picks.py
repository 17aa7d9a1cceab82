"""What methods pick from slates, exactly and with intervals over directors."""

import numpy as np
import pytest

from training.evaluation.picks import CHANCE, ORACLE, Unseen, picks

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def test_set():
    draw = np.random.default_rng(0)
    directors = np.array([f"d{i % 60}" for i in range(240)], object)
    stars = np.clip(np.rint(draw.normal(6, 1.5, 240)), 1, 10).astype(int)
    expected = {"ours": stars + draw.normal(0, 1, 240), "noise": draw.normal(0, 1, 240)}
    return Unseen(directors, stars, expected)


def test_a_picks_mean_stars_are_those_of_drawn_slates(test_set):
    found = {pick.method: pick for pick in picks([test_set])}
    draw = np.random.default_rng(1)
    expected = test_set.expected["ours"]
    slates = (draw.choice(240, 36, replace=False) for _ in range(4_000))
    drawn = np.mean([test_set.stars[slate[expected[slate].argmax()]] for slate in slates])
    assert found["ours"].stars == pytest.approx(drawn, abs=0.06)
    assert found[CHANCE].stars == pytest.approx(test_set.stars.mean())
    assert found[ORACLE].stars >= found["ours"].stars


def test_intervals_hold_the_value_and_a_real_lead_is_shown(test_set):
    for pick in picks([test_set]):
        assert pick.low <= pick.stars <= pick.high
        assert pick.lead_low <= pick.lead <= pick.lead_high
    found = {pick.method: pick for pick in picks([test_set])}
    assert found["noise"].lead_low > 0
    assert found["ours"].lead == found["ours"].lead_high == 0


def test_films_of_one_director_stand_or_fall_together(test_set):
    one_each = test_set._replace(directors=np.arange(240).astype(str).astype(object))
    few = test_set._replace(directors=np.array([f"d{i // 40}" for i in range(240)], object))
    widths = [p[0].high - p[0].low for p in (picks([one_each]), picks([few]))]
    assert widths[0] != widths[1]


def test_slates_of_more_than_half_the_films_are_left_out(test_set):
    assert {pick.size for pick in picks([test_set])} == {36}
