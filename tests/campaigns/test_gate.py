"""The gate's simulation: its error rates stay where decision 16 says they are."""

import pytest

from judging.paired import ALPHA, spent

from .gate import released

pytestmark = pytest.mark.numeric


def test_ratings_of_one_director_fool_the_first_gate_and_not_this_one():
    old, new = (released(120, 10, gain=0.0, looks=1, old=old, repeats=150) for old in (True, False))
    # 2.5% are meant; above 7% come by chance once in a thousand.
    assert new <= 0.07
    assert old >= new


def test_a_much_better_model_is_released():
    assert released(160, 3, gain=0.3, looks=1, old=False, repeats=30) > 0.8


def test_all_looks_together_spend_five_percent():
    assert sum(spent(look) for look in range(1, 20_000)) == pytest.approx(ALPHA, abs=1e-5)
    assert spent(1) == pytest.approx(0.0304, abs=1e-4)
