"""Looks at the held-out ratings are counted for each incumbent, and once for each set."""

import pytest

from training.errors import SourceUnavailable
from training.retraining.looks import LOOKS, count_look


def test_looks_are_counted_by_incumbent_and_once_for_each_set(tmp_path):
    assert [count_look(tmp_path, "one", s) for s in ("a", "b", "a", "c")] == [1, 2, 1, 3]
    assert count_look(tmp_path, "two", "a") == 1
    assert count_look(tmp_path, "one", "d") == 4


def test_a_count_that_cannot_be_read_stops_and_says_so(tmp_path):
    (tmp_path / LOOKS).write_text("{torn")
    with pytest.raises(SourceUnavailable, match="give --look"):
        count_look(tmp_path, "one", "a")
