"""Simulated presses before signing, to prove that a bundle will work."""

import msgspec
import numpy as np
import pytest

from data.domain import FILMS
from edge.search.drawn_slate import draw_slate
from edge.search.model import Model
from edge.search.simulated_presses import simulate_presses
from edge.search.slate import Slate
from training.errors import NoPress, PickNoBetter
from training.export.example_bundle import example_table, prepare, small_model
from training.export.presses import play, worth

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def exported():
    return prepare(example_table(), small_model(), version=1, combinations=500, presses=50)


@pytest.fixture(scope="module")
def catalogue(exported):
    from data.bundle import Bundle

    return Bundle(exported.manifest, exported.files, "").catalogue()


def test_the_presses_and_what_they_are_worth_are_in_the_manifest(exported):
    metrics = exported.manifest.metrics
    assert metrics["simulated_presses"] == 50
    assert metrics["press_gain"] > 0
    assert 0.5 < metrics["press_wins"] <= 1


def test_a_model_whose_button_would_find_nothing_is_refused(exported, catalogue):
    few = tuple(msgspec.structs.replace(d, films=min(d.films, 3)) for d in catalogue.directors)
    unlucky = msgspec.structs.replace(catalogue, directors=few)
    with pytest.raises(NoPress, match="press 1 of 20 simulated ones finds nothing"):
        play(exported.model_bytes, unlucky, FILMS, 20)


def test_picks_not_better_than_chance_are_refused():
    stars = np.random.default_rng(1).integers(1, 11, 300).astype(float)
    assert worth(stars, stars, FILMS)["press_gain"] > 1
    with pytest.raises(PickNoBetter, match="against a random choice"):
        worth(-stars, stars, FILMS)


def test_simulated_presses_are_the_slates_that_a_press_draws(exported, catalogue):
    import random

    model = Model(exported.model_bytes, catalogue, name="films", version=1, hash="0" * 64)
    first = next(simulate_presses(model, seed=7)).slate
    pressed = draw_slate(model, Slate(sample="next"), random.Random(7))
    assert [one.combination for one in first.options] == [o.combination for o in pressed.options]
    assert len({answer.picks[0].combination for answer in simulate_presses(model, 50)}) > 10
