"""A prediction's probabilities are ten and add up to one."""

import math

from hypothesis import given
from hypothesis import strategies as st

from data.errors import InvalidRecord
from data.picks import Prediction


@given(st.lists(st.floats(0, 1), min_size=0, max_size=12))
def test_probabilities_are_ten_and_add_up_to_one(values):
    fair = len(values) == 10 and abs(math.fsum(values) - 1) <= 1e-3
    try:
        Prediction(5.0, tuple(values)).check()
    except InvalidRecord:
        assert not fair
    else:
        assert fair
