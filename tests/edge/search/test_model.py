"""A model's rows have the same bits however they are batched."""

import numpy as np
import pytest

pytestmark = pytest.mark.numeric


def test_a_row_has_the_same_bits_alone_and_in_any_batch(real_model):
    index, draw = real_model.index, np.random.default_rng(4)
    columns = index.columns(
        draw.integers(0, len(index.names), 300),
        draw.integers(0, index.years, 300),
        draw.integers(0, index.sets.count, 300),
    )
    together = real_model.rows(*columns)
    for size in (1, 7, 36):
        for start in range(0, 300, size):
            part = slice(start, start + size)
            alone = real_model.rows(*(column[part] for column in columns))
            same = alone.expected.view(np.int32) == together.expected[part].view(np.int32)
            assert same.all()
            assert np.abs(alone.probabilities - together.probabilities[part]).max() <= 1e-6
