"""`arrays.npz`: the model it was made from, to the bit, and nothing that hurts its reader."""

import hashlib

import msgspec
import numpy as np
import pytest

from data.bundle import beside
from data.manifest import ARRAYS
from data.npz import write_npz
from training.dataset import film_ids
from training.errors import ArraysUnusable
from training.export.arrays import FORMS, SavedModel, arrays_of, load_arrays, save_arrays
from training.export.converter import to_onnx
from training.export.example_bundle import made_up_films, small_model
from training.model.combinations import random_combinations
from training.model.records import frame_of_films, ratings_of

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def saved(example):
    return load_arrays(beside(example.folder) / ARRAYS)


def test_a_saved_model_predicts_to_the_bit_what_the_fitted_one_does(example, saved):
    asked = random_combinations(example.model, 5_000, seed=3)
    assert np.array_equal(saved.model.predict(asked), example.model.predict(asked))
    assert np.array_equal(saved.model.predict_proba(asked), example.model.predict_proba(asked))
    assert saved.model_hash == hashlib.sha256(example.exported.model_bytes).hexdigest()
    assert to_onnx(saved.model) == example.exported.model_bytes
    for name in ("unseen_expected_", "unseen_probabilities_"):
        assert np.array_equal(getattr(saved.model, name), getattr(example.model, name))


def test_films_of_one_year_and_one_genre_are_saved_too(tmp_path):
    films = [
        type(film)(**{name: getattr(film, name) for name in film.__struct_fields__}
                   | {"year": 2001, "genres": ("Drama",)})
        for film in made_up_films(30)
    ]  # fmt: skip
    model = small_model().fit(frame_of_films(films), ratings_of(films))
    save_arrays(tmp_path / ARRAYS, SavedModel(model, "ab" * 32, film_ids(films)))
    asked = frame_of_films(films)
    assert np.array_equal(load_arrays(tmp_path / ARRAYS).model.predict(asked), model.predict(asked))


def spoilt(name: str, change):
    def spoil(arrays: dict[str, np.ndarray]) -> None:
        arrays[name] = arrays[name].copy()
        changed = change(arrays[name])
        if changed is not None:
            arrays[name] = np.asarray(changed, FORMS[name].dtype)

    return name, spoil


def put(field, value, at=0):
    def change(array):
        (array if field is None else array[field])[at] = value

    return change


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        spoilt("layout", put(None, 2)),
        spoilt("trees_nodes", put("left", 2_000_000_000)),
        spoilt("error_by_set_nodes", put("feature_idx", 500)),
        spoilt("error_by_director_starts", lambda a: a[:0]),
        spoilt("trees_baseline", put(None, np.nan)),
        spoilt("pairs", lambda a: np.array([[0], [99]])),
        spoilt("pairs", lambda a: np.zeros((3, 1))),
        spoilt("films", put(None, 2**62)),
        spoilt("films", put(None, 0)),
        spoilt("films", lambda a: a[1:]),
        spoilt("flags", put(None, 2)),
        spoilt("flags", lambda a: a[1:]),
        spoilt("ratings", put(None, np.inf)),
        spoilt("weights", lambda a: a[1:]),
        spoilt("kernel_values", put(None, 0.0)),
        spoilt("kernel_values", lambda a: a[1:]),
        spoilt("span", put(None, np.nan)),
        spoilt("base", put(None, np.nan)),
        spoilt("coefficients", lambda a: a[1:]),
        spoilt("share", put(None, 1.5)),
        spoilt("head_cuts", lambda a: a[::-1]),
        spoilt("head_mean", lambda a: a[1:]),
        spoilt("training_years", lambda a: a[::-1]),
        spoilt("training_years", put(None, -(2**62))),
        spoilt("unseen_expected", lambda a: a[1:]),
        spoilt("unseen_probabilities", lambda a: a[:, 1:]),
        spoilt("unseen_probabilities", put(None, np.nan)),
        spoilt("model_hash", lambda a: a[1:]),
        spoilt("genres", lambda a: list(b"[1]")),
        spoilt("genres", lambda a: list(msgspec.json.encode([f"{i:03}" for i in range(300)]))),
        spoilt("directors", lambda a: list(b'["b", "a"]')),
    ],
)  # fmt: skip
def test_numbers_that_no_model_has_are_refused_by_name(saved, name, spoil, tmp_path):
    arrays = arrays_of(saved)
    spoil(arrays)
    (tmp_path / ARRAYS).write_bytes(write_npz(arrays))
    with pytest.raises(ArraysUnusable, match=name.split("_nodes")[0].split("_cuts")[0]):
        load_arrays(tmp_path / ARRAYS)


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04K\x01.", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_not_a_model_is_refused_with_its_path(content, tmp_path):
    if content is not None:
        (tmp_path / ARRAYS).write_bytes(content)
    with pytest.raises(ArraysUnusable, match=r"arrays\.npz"):
        load_arrays(tmp_path / ARRAYS)
