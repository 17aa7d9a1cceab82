"""The boosted trees, split by the columns that they use."""

import numpy as np
import pytest

from training.model.combinations import random_combinations

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def asked(example):
    return random_combinations(example.model, 4_000, seed=5)


def test_parts_of_the_trees_sum_to_the_trees(example, asked):
    model = example.model
    table = model.features(asked)
    parts = sum(model.trees_.part(name, table) for name in model.columns_.groups)
    assert np.allclose(parts + model.trees_.baseline, model.trees_.predict(table), atol=1e-12)


def test_a_part_looks_only_at_its_own_columns(example, asked):
    model = example.model
    table = model.features(asked)
    for name, columns in model.columns_.groups.items():
        foreign = np.setdiff1d(np.arange(model.columns_.width), columns)
        spoilt = table.copy()
        spoilt[:, foreign] = 1e6
        assert np.array_equal(model.trees_.part(name, table), model.trees_.part(name, spoilt))
