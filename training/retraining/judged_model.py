"""A model to judge: its ONNX file, and the scikit-learn model it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from data import limits, wire
from data.bundle import BundleRefused, beside, find_arrays, read_file
from data.errors import InvalidRecord
from data.films import Film
from data.manifest import ARRAYS, MANIFEST, MODEL, Manifest
from data.verdict import ModelIdentity
from judging.paired import Predictions
from training.dataset import film_ids
from training.errors import ArraysUnusable, BundleMissing
from training.export.arrays import SavedModel, load_arrays
from training.export.runtime import Scorer
from training.model.careers import Ints
from training.model.records import frame_of_films

BUNDLE = "bundle"


@dataclass(frozen=True)
class JudgedModel:
    """A bundle, and the path of its arrays.

    Signatures aren't checked: a candidate has none yet, and nothing of an incumbent runs code.
    """

    manifest: Manifest
    model: bytes
    arrays_path: Path

    @property
    def identity(self) -> ModelIdentity:
        """Its version and hash, as a verdict names it."""
        return ModelIdentity(self.manifest.version, self.manifest.model_hash)

    @cached_property
    def scorer(self) -> Scorer:
        """The ONNX file as it ships."""
        return Scorer(self.model)

    @cached_property
    def saved(self) -> SavedModel:
        """The scikit-learn model that the file was made from.

        Raises:
            ArraysUnusable: its arrays are missing, or belong to another model or layout.
        """
        found = load_arrays(self.arrays_path)
        if found.model_hash != self.manifest.model_hash:
            raise ArraysUnusable(f"{self.arrays_path}: holds the arrays of another model")
        return found

    def of(self, films: list[Film]) -> Predictions:
        """Return what the file predicts for films."""
        scores = self.scorer.score(frame_of_films(films))
        return Predictions(scores.expected.astype(float), scores.probabilities.astype(float))

    def unseen(self, films: list[Film]) -> tuple[Ints, Predictions]:
        """Return the rows of the films it learnt from, and its prediction of each as if unseen.

        These are predictions by the fit's folds for the films that they left out.

        Raises:
            ArraysUnusable: as `saved`.
        """
        model, known = self.saved.model, self.saved.films
        _, rows, places = np.intersect1d(film_ids(films), known, return_indices=True)
        order = np.argsort(rows)
        rows, places = rows[order], places[order]
        return rows, Predictions(model.unseen_expected_, model.unseen_probabilities_).take(places)


def read_judged_model(folder: Path) -> JudgedModel:
    """Read a bundle and find its arrays.

    Args:
        folder: the bundle's own, or one that holds it as `bundle/`. The arrays are in one of the
            bundle's `arrays_places`.

    Raises:
        BundleMissing: there is no complete bundle.
    """
    bundle = folder if (folder / MANIFEST).exists() else folder / BUNDLE
    try:
        raw = (bundle / MANIFEST).read_bytes()
        manifest = wire.decode(raw, Manifest, limits.MAX_MANIFEST_BYTES)
        model = read_file(bundle, MODEL, manifest.files[MODEL])
    except OSError as error:
        raise BundleMissing(f"{folder}: holds no bundle ({error.strerror}: {MANIFEST})") from error
    except (InvalidRecord, BundleRefused, msgspec.DecodeError) as error:
        raise BundleMissing(f"{bundle}: isn't a complete bundle: {error}") from error
    return JudgedModel(manifest, model, find_arrays(bundle) or beside(bundle) / ARRAYS)
