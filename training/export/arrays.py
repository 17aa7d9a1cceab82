"""`arrays.npz`: a fitted model as plain arrays, for the ML endpoint and for the next retraining.

Nothing in it can run code. It may come from an attacker, though, and scikit-learn's trees follow
any index they're given: so every length, index and number is checked before a model is made of it.
The model's predictions are those of the one that was saved, bit for bit.

The layout has a version, `layout`. Raise it whenever arrays are added, removed or mean something
else; older files are then refused, and their models exported or released again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from data import films, limits
from data.durable import replace_durably
from data.errors import InvalidRecord
from data.genre_sets import GenreSets
from data.npz import ArrayForm, Arrays, read_npz, write_npz
from training.errors import ArraysUnusable
from training.model.careers import Careers
from training.model.columns import Columns
from training.model.error_size import ErrorSize, parts_of
from training.model.estimator import FilmModel
from training.model.fixed_effects import FixedEffects, Span
from training.model.head import CLASSES, OrdinalHead
from training.model.mixed_model import Base, KernelValues, MixedModel
from training.model.pairs import PairTrees
from training.model.trees import WALKED, Trees, check_nodes, nodes_of

LAYOUT = 1

_WALKED = np.dtype(list(zip(WALKED, ("<f8", "<f8", "<u4", "<u4", "<u4", "u1", "u1"), strict=True)))
_CAREERS = ("years", "residuals", "ratings", "weights", "popularity")
_TREES = ("trees", "error_by_set", "error_by_director")
_HEAD_INPUTS = 6
# More wouldn't fit into a device's model (training.export.predicted_size).
_MOST_GENRES = 256


def _forms() -> dict[str, ArrayForm]:
    def forms(dtype: Any, dimensions: int, *names: str) -> dict[str, ArrayForm]:
        return dict.fromkeys(names, ArrayForm(np.dtype(dtype), dimensions))

    return {
        **forms("<i8", 1, "layout", "training_years", "films"),
        **forms("<i8", 2, "pairs"),
        # Texts are JSON: names may hold anything but what a text can't.
        **forms("u1", 1, "model_hash", "genres", "directors"),
        **forms("u1", 2, "flags"),
        **forms("<f8", 1, *_CAREERS, "kernel_values", "span", "base", "coefficients", "share"),
        **forms("<f8", 1, *(f"head_{name}" for name in OrdinalHead._fields)),
        **forms(_WALKED, 1, *(f"{name}_nodes" for name in _TREES)),
        **forms("<i8", 1, *(f"{name}_starts" for name in _TREES)),
        **forms("<f8", 1, *(f"{name}_baseline" for name in _TREES)),
        **forms("<u8", 1, "unseen_films"),
        **forms("<f8", 1, "unseen_expected"),
        **forms("<f8", 2, "unseen_probabilities"),
    }


FORMS = _forms()


class SavedModel(NamedTuple):
    """What `arrays.npz` holds.

    Attributes:
        model: it predicts like the one that was saved; its parameters are the defaults.
        model_hash: of the ONNX file that was made from it.
        films: the training films' numbers (training.dataset.film_ids), in the order of the
            model's predictions for unseen films.
    """

    model: FilmModel
    model_hash: str
    films: NDArray[np.uint64]


def save_arrays(path: Path, saved: SavedModel) -> None:
    """Write a fitted model as `arrays.npz`."""
    replace_durably(path, write_npz(arrays_of(saved)))


def load_arrays(path: Path) -> SavedModel:
    """Read what save_arrays wrote, or anything else.

    Raises:
        ArraysUnusable: with the reason and the fix.
    """
    try:
        size = path.stat().st_size
        if size > limits.MAX_ARRAYS_BYTES:
            raise ArraysUnusable(
                f"{path}: has {size:,} bytes; {limits.MAX_ARRAYS_BYTES:,} are allowed"
            )
        return model_of(read_npz(path.read_bytes(), FORMS, limits.MAX_UNPACKED_ARRAYS_BYTES))
    except OSError as error:
        raise ArraysUnusable(f"{path}: cannot be read: {error.strerror}") from error
    except InvalidRecord as error:
        raise ArraysUnusable(
            f"{path}: isn't a model that this software can use ({error}); export the model again"
        ) from error


def arrays_of(saved: SavedModel) -> Arrays:
    """Return a fitted model's arrays, by name."""
    model = saved.model
    mixed, base = model.mixed_, model.mixed_.year_genres
    careers = dict(zip(_CAREERS, mixed.careers.columns, strict=False))
    head = {f"head_{name}": part for name, part in model.head_._asdict().items()}
    arrays: dict[str, Any] = {
        "layout": [LAYOUT],
        "model_hash": np.frombuffer(bytes.fromhex(saved.model_hash), np.uint8),
        "genres": _bytes_of(model.genre_sets_.genres),
        "directors": _bytes_of(mixed.careers.names),
        "training_years": model.training_years_,
        "films": mixed.careers.counts[:-1],
        **careers,
        "flags": mixed.careers.columns[-1],
        "kernel_values": mixed.values,
        "span": base.effects.span,
        "pairs": base.effects.pairs,
        "base": [base.mean, base.middle_year],
        "coefficients": base.coefficients,
        "share": [model.trees_share_],
        **head,
        **_of_trees("trees", model.trees_.trees),
        **_of_trees("error_by_set", model.error_size_.by_set),
        **_of_trees("error_by_director", model.error_size_.by_director),
        "unseen_films": saved.films,
        "unseen_expected": model.unseen_expected_,
        "unseen_probabilities": model.unseen_probabilities_,
    }
    return {name: np.asarray(array, FORMS[name].dtype) for name, array in arrays.items()}


def model_of(arrays: Arrays) -> SavedModel:
    """Return the model of these arrays.

    Args:
        arrays: of the forms FORMS; nothing else about them need hold.

    Raises:
        InvalidRecord: naming the array that no model can have.
    """
    if arrays["layout"].tolist() != [LAYOUT]:
        raise InvalidRecord("layout", f"isn't {LAYOUT}")
    genres = _names("genres", arrays["genres"], _MOST_GENRES)
    model = FilmModel()
    model.n_features_in_ = 5
    model.genre_sets_ = GenreSets(genres)
    model.columns_ = columns = Columns(len(genres))
    first, last = _of_length(arrays, "training_years", 2).tolist()
    _check("training_years", films.MIN_YEAR <= first <= last <= films.MAX_YEAR)
    model.training_years_ = first, last
    model.mixed_ = _mixed_model(arrays, len(genres))
    (share,) = _of_length(arrays, "share", 1).tolist()
    _check("share", 0.0 <= share <= 1.0)
    model.trees_share_ = share
    of_set, of_director = parts_of(columns)
    model.trees_ = PairTrees(columns, _trees(arrays, "trees", columns.width))
    model.error_size_ = ErrorSize(
        columns,
        _trees(arrays, "error_by_set", len(of_set)),
        _trees(arrays, "error_by_director", len(of_director)),
    )
    model.head_ = _head(arrays)
    expected, probabilities = arrays["unseen_expected"], arrays["unseen_probabilities"]
    known = arrays["unseen_films"]
    _check("unseen_expected", len(expected) == len(known) and np.isfinite(expected).all())
    _check(
        "unseen_probabilities",
        probabilities.shape == (len(known), CLASSES)
        and np.all((probabilities >= 0.0) & (probabilities <= 1.0)),
    )
    model.unseen_expected_, model.unseen_probabilities_ = expected, probabilities
    return SavedModel(model, _of_length(arrays, "model_hash", 32).tobytes().hex(), known)


def _mixed_model(arrays: Arrays, genres: int) -> MixedModel:
    values = KernelValues(*_of_length(arrays, "kernel_values", len(KernelValues._fields)).tolist())
    _check("kernel_values", np.isfinite(values).all() and min(values) > 0.0)
    span = Span(*_of_length(arrays, "span", len(Span._fields)).tolist())
    _check("span", np.isfinite(span).all() and span.first <= span.last and span.scale >= 1.0)
    pairs = arrays["pairs"]
    _check("pairs", len(pairs) == 2 and np.all((pairs >= 0) & (pairs < genres)))
    effects = FixedEffects(span, genres, pairs)
    mean, middle_year = _of_length(arrays, "base", 2).tolist()
    _check("base", np.isfinite([mean, middle_year]).all())
    coefficients = _of_length(arrays, "coefficients", len(effects.groups))
    _check("coefficients", np.isfinite(coefficients).all())
    return MixedModel(values, Base(mean, middle_year, effects, coefficients), _careers(arrays))


def _careers(arrays: Arrays) -> Careers:
    names = _names("directors", arrays["directors"], limits.MAX_ARRAYS_BYTES)
    counts = _of_length(arrays, "films", len(names))
    rows = len(arrays["years"])
    # Each at least one and at most all: so the sum can't run over.
    _check("films", np.all((counts >= 1) & (counts <= rows)) and int(counts.sum()) == rows)
    for name in _CAREERS:
        _check(name, len(arrays[name]) == rows and np.isfinite(arrays[name]).all())
    flags = arrays["flags"]
    _check("flags", len(flags) == rows and np.all(flags <= 1))
    directors = np.repeat(np.array(names, object), counts)
    return Careers(directors, [*(arrays[name] for name in _CAREERS), flags.astype(float)])


def _trees(arrays: Arrays, name: str, columns: int) -> Trees:
    starts = arrays[f"{name}_starts"]
    (baseline,) = _of_length(arrays, f"{name}_baseline", 1).tolist()
    _check(f"{name}_baseline", np.isfinite(baseline))
    nodes = nodes_of(arrays[f"{name}_nodes"])
    _check(f"{name}_starts", len(starts) >= 1)
    try:
        check_nodes(nodes, starts, columns)
    except ValueError as error:
        raise InvalidRecord(f"{name}_nodes", str(error)) from error
    return Trees(baseline, np.split(nodes, starts[1:-1]) if len(starts) > 1 else [])


def _of_trees(name: str, trees: Trees) -> Arrays:
    nodes = np.concatenate(trees.nodes)
    walked = np.zeros(len(nodes), _WALKED)
    for field in WALKED:
        walked[field] = nodes[field]
    return {
        f"{name}_nodes": walked,
        f"{name}_starts": np.cumsum([0, *(len(tree) for tree in trees.nodes)]),
        f"{name}_baseline": np.array([trees.baseline]),
    }


def _head(arrays: Arrays) -> OrdinalHead:
    lengths = dict.fromkeys(OrdinalHead._fields, _HEAD_INPUTS) | {"cuts": CLASSES - 1}
    head = OrdinalHead(
        **{name: _of_length(arrays, f"head_{name}", length) for name, length in lengths.items()}
    )
    _check("head", all(np.isfinite(part).all() for part in head) and np.all(head.scale > 0.0))
    _check("head_cuts", np.all(np.diff(head.cuts) >= 0.0))
    return head


def _bytes_of(names: Any) -> NDArray[np.uint8]:
    return np.frombuffer(msgspec.json.encode(names), np.uint8)


def _names(field: str, raw: NDArray[np.uint8], most: int) -> list[str]:
    try:
        names = msgspec.json.decode(raw.tobytes(), type=list[str])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRecord(field, f"doesn't hold names: {error}") from error
    _check(field, len(names) <= most and names == sorted(set(names)))
    return names


def _of_length(arrays: Arrays, name: str, length: int) -> NDArray[Any]:
    if len(arrays[name]) != length:
        raise InvalidRecord(name, f"has {len(arrays[name])} entries, not {length}")
    return arrays[name]


def _check(name: str, holds: Any) -> None:
    if not holds:
        raise InvalidRecord(name, "holds a value that no model has")
