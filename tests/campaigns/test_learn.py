"""A short form of `make learn`: one world, two rounds, four arms, every part real."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rich.console import Console

from .learn.__main__ import write
from .learn.campaign import NEVER, RANDOM, RETRAINING, campaign
from .learn.figures import Spread, figures_of, is_gain, spread
from .learn.studio import Arm, Course

# A world retrained takes half a minute on an idle core, and minutes on a busy or a plain one.
pytestmark = [pytest.mark.numeric, pytest.mark.timeout(900)]

# Explores at every press, and keeps its model: retraining is another arm's.
EXPLORING = Arm("exploring", explore=1.0)


@pytest.fixture(scope="module")
def figures():
    # With 200 films too few ratings are held out for any release. With 300, about thirty, the judge
    # may still refuse a better model, depending even on a processor's last bits.
    return campaign([1], 2, 300, [RETRAINING, EXPLORING, NEVER, RANDOM], 1, Console(quiet=True))


@pytest.mark.slow
def test_a_studio_that_retrains_makes_better_films_and_the_figures_say_so(figures, tmp_path):
    write(figures, [RETRAINING.name], tmp_path)
    learnt, never = (figures.arms[arm.name] for arm in (RETRAINING, NEVER))
    # Until the first retraining both choose the same films with the same model.
    assert learnt.gain_by_round[0].mean == 0.0
    assert learnt.made == 1
    # A model that the judge releases must be better.
    assert learnt.last_gain.mean > 0.2 if learnt.released else learnt.last_gain.mean == 0.0
    assert never.last_gain.mean == 0.0
    assert never.released == never.made == 0
    written = json.loads((tmp_path / "figures.json").read_bytes())
    assert written["arms"][RETRAINING.name]["gain"][0] == pytest.approx(learnt.gain.mean)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in (tmp_path / "plot.svg").read_text()


@pytest.mark.slow
def test_the_model_beats_chance_and_exploring_picks_the_best_now_and_then(figures):
    explorer, never, chance = (figures.arms[arm.name] for arm in (EXPLORING, NEVER, RANDOM))
    assert never.stars.mean > chance.stars.mean + 0.5
    assert explorer.stars.mean > chance.stars.mean
    # A sample often leaves the best where it was.
    assert 0 < explorer.explored < 1
    assert never.explored == chance.explored == 0


def courses(gains):
    """Return courses of two arms in as many worlds, apart by these gains in the second round."""
    for seed, gain in enumerate(gains):
        for arm, more in (("learns", gain), ("never", 0.0)):
            stars = [[5.0 + seed], [5.0 + seed + more]]
            yield Course(seed, arm, stars, [[False], [False]], [False, False], ["", ""])


@pytest.mark.parametrize(
    ("gains", "shown"), [([0.4, 0.5, 0.6], True), ([0.4, -0.5, 0.6], False), ([0.5], False)]
)
def test_a_gain_counts_only_if_its_whole_interval_is_above_zero(gains, shown):
    arms = [Arm("learns", retrains=True), Arm("never")]
    figures = figures_of(list(courses(gains)), arms, "never")
    gain = figures.arms["learns"].gain
    assert gain.mean == pytest.approx(np.mean(gains) / 2)
    assert figures.arms["learns"].last_gain.mean == pytest.approx(np.mean(gains))
    assert is_gain(gain) == shown


def test_the_interval_is_students():
    assert spread([1.0, 2.0, 3.0]) == pytest.approx((2.0, 2 - 2.4841, 2 + 2.4841), abs=1e-4)
    assert spread([1.0]) == Spread(1.0, None, None)
