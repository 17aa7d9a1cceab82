"""What year and genres alone explain: trends end where the training years end."""

import numpy as np
import pytest

from training.model.fixed_effects import LEVEL, MIN_PAIR_FILMS, PAIR, FixedEffects

pytestmark = pytest.mark.numeric

YEARS = np.tile(np.arange(1990.0, 2010.0), 10)


def flags(together: int) -> np.ndarray:
    """Genre flags of 200 films, of which so many have the first two of three genres."""
    found = np.zeros((len(YEARS), 3))
    found[:, 2] = 1
    found[:together, :2] = 1
    return found


def test_a_year_outside_of_training_counts_as_the_nearest_inside():
    effects = FixedEffects.of(YEARS, flags(0))
    asked = effects.design(np.array([1900.0, 1990.0, 2009.0, 2500.0]), np.eye(3)[[0, 0, 1, 1]])
    assert np.array_equal(asked[0], asked[1])
    assert np.array_equal(asked[2], asked[3])


@pytest.mark.parametrize(("together", "pairs"), [(MIN_PAIR_FILMS, 3), (MIN_PAIR_FILMS - 1, 0)])
def test_a_pair_of_genres_has_its_own_effect_once_enough_films_show_it(together, pairs):
    effects = FixedEffects.of(YEARS, flags(together))
    assert (effects.groups == PAIR).sum() == pairs


def test_every_column_has_its_group_and_only_the_level_is_free():
    effects = FixedEffects.of(YEARS, flags(70))
    design = effects.design(YEARS, flags(70))
    assert design.shape == (len(YEARS), len(effects.groups))
    assert np.all(design[:, effects.groups == LEVEL] == 1)
    assert np.isfinite(design).all()


def test_films_of_a_single_year_are_enough():
    effects = FixedEffects.of(np.full(200, 2000.0), flags(70))
    assert np.isfinite(effects.design(YEARS, flags(70))).all()
