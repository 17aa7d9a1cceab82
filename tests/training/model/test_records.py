"""Frames, arrays and lists of rows mean the same to the model."""

import numpy as np
import pytest

from training.model.records import as_records, frame_of_films, ratings_of

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def table(films):
    return frame_of_films(films), ratings_of(films)


def test_arrays_and_frames_mean_the_same(example, table):
    X, _ = table
    rows = X.drop(columns="votes").to_numpy(dtype=object)
    assert np.array_equal(example.model.predict(X), example.model.predict(rows))


def test_a_missing_column_is_named():
    frame = frame_of_films([]).drop(columns="genre2")
    with pytest.raises(ValueError, match="genre2"):
        as_records(frame)
