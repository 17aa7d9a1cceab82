"""From films to a signed bundle: fit, convert, prove parity, describe, sign, write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from data import limits, signing, wire
from data.bundle import beside, write_bundle
from data.domain import FILMS
from data.films import NO_GENRE
from data.manifest import (
    ARRAYS,
    BUNDLE_FORMAT,
    CATALOGUE,
    MANIFEST,
    MODEL,
    PROBES,
    REPORT,
    FileEntry,
    Manifest,
    Provenance,
    Tensor,
    TrainingSource,
)
from edge.search.simulated_presses import PRESSES
from judging.losses import calibration_bins
from training.dataset import FilmTable, film_ids
from training.evaluation.metrics import confusion
from training.evaluation.metrics import metrics as metrics_of
from training.evaluation.optimism import of_best
from training.export.arrays import SavedModel, save_arrays
from training.export.catalogue import catalogue_of, probes_of
from training.export.converter import to_onnx
from training.export.fitness import check_films, check_learnt
from training.export.graph_writer import MIN_ONNXRUNTIME
from training.export.parity import RANDOM_COMBINATIONS, Parity, check_file, check_parity
from training.export.presses import play, worth
from training.export.provenance import with_code
from training.export.runtime import Scorer
from training.export.summary import ExportSummary, write_summary
from training.model.estimator import FilmModel
from training.model.grid import GRID
from training.model.records import COLUMNS, frame_of_films, ratings_of
from training.progress import ProgressReporter, unreported

# The oldest Greenlight that can use these bundles.
MIN_SOFTWARE = "0.1.0"


@dataclass(frozen=True)
class Exported:
    """An exported model.

    Attributes:
        files: the bundle's files, by name.
    """

    model: FilmModel
    table: FilmTable
    files: Mapping[str, bytes]
    parity: Parity
    manifest: Manifest

    @property
    def model_bytes(self) -> bytes:
        """The bytes of `model.onnx`."""
        return self.files[MODEL]


def next_version(out: Path) -> int:
    """Return the version after that of the bundle in `out`; 1 if there is none."""
    try:
        manifest = msgspec.json.decode((out / MANIFEST).read_bytes(), type=dict[str, Any])
        return int(manifest["version"]) + 1
    except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError):
        return 1


def prepare(
    table: FilmTable,
    model: FilmModel,
    *,
    version: int,
    provenance: Provenance | None = None,
    combinations: int = RANDOM_COMBINATIONS,
    presses: int = PRESSES,
    progress: ProgressReporter = unreported,
) -> Exported:
    """Fit `model` to a film table and make all files of its bundle.

    Args:
        table: the films to learn from.
        model: the estimator, not yet fitted.
        version: of the bundle.
        provenance: what it came from beyond the films; None for the films alone.
        combinations: how many random combinations are compared.
        presses: how many simulated presses the model must answer.
        progress: called with each step's name and the share of the work done before it.

    Raises:
        UnfitData: these films can't train a useful model.
        ExportRefused: (a subclass) the model must not be shipped.
    """
    check_films(table)
    frame = frame_of_films(table.films)
    model.fit(
        frame,
        ratings_of(table.films),
        progress=lambda step, done: progress(step, 0.4 * done),
    )
    check_learnt(table, model)
    progress("compile and convert", 0.4)
    onnx_model = to_onnx(model)
    check_file(onnx_model)
    progress("compare with ONNX Runtime", 0.75)
    parity = check_parity(model, onnx_model, frame, combinations=combinations)
    progress("write the catalogue and the probes", 0.9)
    stars = np.array([film.stars for film in table.films])
    figures = finite(metrics_of(stars, model.unseen_expected_, model.unseen_probabilities_))
    best = of_best(stars, model.unseen_expected_, model.unseen_probabilities_)
    scorer = Scorer(onnx_model)
    most = limits.MAX_BUNDLE_FILE_BYTES
    catalogue = catalogue_of(model, table.films, titled=table.domain.words.titles)
    progress(f"play {presses:,} presses", 0.92)
    played = play(onnx_model, catalogue, table.domain, presses)
    played |= worth(model.unseen_expected_, stars.astype(float), table.domain)
    files = {
        MODEL: onnx_model,
        CATALOGUE: wire.encode(catalogue, most),
        PROBES: wire.encode(probes_of(model, table.films, scorer), most),
    }
    manifest = Manifest(
        name=table.domain.name,
        version=version,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        key_id="",
        files={},
        inputs=_tensors(scorer, inputs=True),
        outputs=_tensors(scorer, inputs=False),
        feature_schema=feature_schema(model),
        metrics={f"cross_validated_{k}": v for k, v in figures.items()}
        | {f"best_{name}": float(v) for name, v in msgspec.structs.asdict(best).items()}
        | played,
        training=TrainingSource(table.source, len(table.films), table.sha256),
        min_onnxruntime=MIN_ONNXRUNTIME,
        bundle_format=BUNDLE_FORMAT,
        min_software=MIN_SOFTWARE,
        domain=msgspec.UNSET if table.domain == FILMS else table.domain,
        provenance=with_code(provenance or Provenance()),
    )
    return Exported(model, table, files, parity, manifest)


def write(
    exported: Exported, out: Path, key: signing.PrivateKey, report: bytes | None = None
) -> str:
    """Sign and write the bundle, and the scikit-learn model as arrays next to it.

    Args:
        exported: by `prepare`.
        out: the bundle's folder.
        key: to sign with.
        report: `report.html`, written into the bundle and next to it; None for no report.

    Returns:
        The SHA-256 of `manifest.json`.
    """
    files = exported.files if report is None else {**exported.files, REPORT: report}
    digest = write_bundle(out, exported.manifest, files, key)
    folder = beside(out)
    folder.mkdir(parents=True, exist_ok=True)
    save_arrays(folder / ARRAYS, saved_model(exported))
    write_summary(folder, summary_of(exported))
    if report is not None:
        (folder / REPORT).write_bytes(report)
    return digest


def summary_of(exported: Exported) -> ExportSummary:
    """Return the export's figures for the report."""
    model, manifest = exported.model, exported.manifest
    stars = np.array([film.stars for film in exported.table.films])
    expected, probabilities = model.unseen_expected_, model.unseen_probabilities_
    return ExportSummary(
        films_sha256=exported.table.sha256,
        model_hash=FileEntry.of(exported.model_bytes).sha256,
        version=manifest.version,
        created_at=manifest.created_at,
        directors=len(model.mixed_.careers.names),
        genre_sets=model.genre_sets_.count,
        years=model.table_years_,
        parity=exported.parity,
        files={name: len(content) for name, content in exported.files.items()},
        figures=finite(metrics_of(stars, expected, probabilities)),
        confusion=confusion(stars, probabilities.argmax(axis=1) + 1),
        calibration=tuple(calibration_bins(stars, probabilities)),
    )


def saved_model(exported: Exported) -> SavedModel:
    """Return what `arrays.npz` keeps of an export."""
    model_hash = FileEntry.of(exported.model_bytes).sha256
    return SavedModel(exported.model, model_hash, film_ids(exported.table.films))


def feature_schema(model: FilmModel) -> dict[str, Any]:
    """Return the meaning of the graph's columns, for people and later software."""
    return {
        "columns": list(COLUMNS),
        "empty_slot": NO_GENRE,
        "genres": len(model.genre_sets_.genres),
        "genre_sets": model.genre_sets_.count,
        "directors": len(model.mixed_.careers.names),
        "years": list(model.table_years_),
        "grid": GRID,
    }


def finite(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the figures that aren't NaN: a small table has too few films for some."""
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _tensors(scorer: Scorer, *, inputs: bool) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(name, kind, tuple(shape)) for name, kind, shape in scorer.tensors(inputs=inputs)
    )
