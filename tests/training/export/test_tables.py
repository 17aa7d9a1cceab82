"""A model's tables contain 16-bit numbers and give exact scores."""

import numpy as np
import pytest

from training.errors import TableOverflow
from training.export.tables import to_grid

pytestmark = pytest.mark.numeric


def test_a_value_beyond_16_bits_is_refused_by_table():
    assert to_grid("A", np.array([7.9])).dtype == np.int16
    with pytest.raises(TableOverflow, match=r"table C holds -8\.100 stars"):
        to_grid("C", np.array([0.0, -8.1]))
