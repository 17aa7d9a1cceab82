"""The manifest of a bundle: what is in it, and by whom and from what it was made."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

import msgspec

from data import limits
from data.checks import SCHEMA_VERSION, check_label, check_schema, check_sha256, check_version
from data.domain import FILMS, Domain
from data.errors import InvalidRecord

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
MODEL = "model.onnx"
PROBES = "probes.json"
CATALOGUE = "catalogue.json"
# The model's report, for people: optional, and no decision depends on it.
REPORT = "report.html"
# Never in a bundle: the fitted estimator, for the ML endpoint and retrainings (see bundle.beside).
ARRAYS = "arrays.npz"
# Beside it at the ML endpoint: the model that was served before, which devices run until they have
# the new one.
ARRAYS_BEFORE = "before.npz"
REQUIRED_FILES = (MODEL, PROBES, CATALOGUE)
_MOST_BYTES = {MODEL: limits.MAX_MODEL_BYTES, REPORT: limits.MAX_REPORT_BYTES}

# Grows when a device of the old format could not use the new one.
BUNDLE_FORMAT = 1

_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9]+)+")
_VERSION = re.compile(r"\d{1,6}\.\d{1,6}(\.\d{1,6})?")
_SOFTWARE = re.compile(r"[0-9A-Za-z.+!-]{1,60}")
_COMMIT = re.compile(r"[0-9a-f]{40}(\+changes)?")
_JOB = re.compile(r"[0-9A-Za-z-]{1,63}")


class FileEntry(msgspec.Struct, frozen=True):
    """One file of a bundle: its SHA-256 and its size (`bytes` in JSON)."""

    sha256: str
    size: int = msgspec.field(name="bytes")

    @classmethod
    def of(cls, content: bytes) -> FileEntry:
        """Return the entry of this content."""
        return cls(hashlib.sha256(content).hexdigest(), len(content))


class TrainingSource(msgspec.Struct, frozen=True):
    """What the model learnt from: the source's name, its rows, and the film table's SHA-256."""

    source: str
    rows: int
    sha256: str


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """How a model came about. What training wrote is training's word; the rest is the signer's.

    Attributes:
        software: the Greenlight that trained it, as `0.1.0`; left out where it isn't installed.
        commit: the commit of its source, with `+changes` if files differed from it; left out where
            no repository says.
        training_set: the SHA-256 of a retraining's training set; left out for other models, whose
            film table `training` names.
        parent: the hash of the model it was compared with; None if there was none.
        job: the training job whose output was judged; left out if there was none.
        judgement: the SHA-256 of the judge's verdict on it; None if nobody judged it.
    """

    software: str | msgspec.UnsetType = msgspec.UNSET
    commit: str | msgspec.UnsetType = msgspec.UNSET
    training_set: str | msgspec.UnsetType = msgspec.UNSET
    parent: str | None = None
    job: str | msgspec.UnsetType = msgspec.UNSET
    judgement: str | None = None

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a provenance."""
        for field, pattern, what in (
            ("software", _SOFTWARE, "a version such as 0.1.0"),
            ("commit", _COMMIT, "a commit's 40 hex digits"),
            ("job", _JOB, "a training job's name"),
        ):
            value = getattr(self, field)
            if value is not msgspec.UNSET and not pattern.fullmatch(value):
                raise InvalidRecord(f"{prefix}{field}", f"isn't {what}")
        for field in ("training_set", "parent", "judgement"):
            value = getattr(self, field)
            if value is not msgspec.UNSET and value is not None:
                check_sha256(f"{prefix}{field}", value)


class Tensor(msgspec.Struct, frozen=True):
    """One input or output of the graph; a None in `shape` means any number of rows."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class BestUnseen(msgspec.Struct, frozen=True):
    """What the films came to that a model rated highest without having seen them.

    Attributes:
        films: how many: the best hundredth of those it learnt from.
        expected: their mean expected stars.
        stars: their mean stars.
        stated: the mean probability it gave them for eight stars or more.
        came_true: the share of them that got eight stars or more.
    """

    films: int
    expected: float
    stars: float
    stated: float
    came_true: float


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The signed description of a bundle.

    Attributes:
        version: a whole number that only grows.
        key_id: the key that signed (data.signing.key_id).
        feature_schema: what the columns mean, for people and later software.
        metrics: figures measured on films the model had not seen.
        min_onnxruntime: the oldest ONNX Runtime that reads the graph, as `1.20`.
        bundle_format: of the bundle's files; 1 where an older writer left it out.
        min_software: the oldest Greenlight that uses the bundle, as `0.1.0`; left out for any.
        domain: what the model is about; left out for films.
        provenance: how it came about; left out by older writers.
    """

    name: str
    version: int
    created_at: str
    key_id: str
    files: dict[str, FileEntry]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    feature_schema: dict[str, Any]
    metrics: dict[str, float]
    training: TrainingSource
    min_onnxruntime: str
    bundle_format: int | msgspec.UnsetType = msgspec.UNSET
    min_software: str | msgspec.UnsetType = msgspec.UNSET
    domain: Domain | msgspec.UnsetType = msgspec.UNSET
    provenance: Provenance | msgspec.UnsetType = msgspec.UNSET
    schema_version: int = SCHEMA_VERSION

    def check(self, prefix: str = "") -> None:
        """Raise InvalidRecord, naming the field, if this isn't a manifest."""
        check_schema(prefix, self.schema_version)
        check_label(f"{prefix}name", self.name)
        check_version(f"{prefix}version", self.version)
        if not _VERSION.fullmatch(self.min_onnxruntime):
            raise InvalidRecord(f"{prefix}min_onnxruntime", "isn't a version such as 1.20")
        if self.min_software is not msgspec.UNSET and not _VERSION.fullmatch(self.min_software):
            raise InvalidRecord(f"{prefix}min_software", "isn't a version such as 0.1.0")
        if self.domain is not msgspec.UNSET:
            self.domain.check(f"{prefix}domain.")
            if self.domain.name != self.name:
                raise InvalidRecord(f"{prefix}domain.name", "isn't the model's name")
        if not isinstance(self.provenance, msgspec.UnsetType):
            self.provenance.check(f"{prefix}provenance.")
        self._check_files(f"{prefix}files")

    def _check_files(self, field: str) -> None:
        missing = [name for name in REQUIRED_FILES if name not in self.files]
        if missing:
            raise InvalidRecord(field, f"lacks {missing[0]}")
        if len(self.files) > limits.MAX_BUNDLE_FILES:
            raise InvalidRecord(field, f"holds more than {limits.MAX_BUNDLE_FILES} files")
        for name, entry in self.files.items():
            if not _FILE_NAME.fullmatch(name) or name in (MANIFEST, SIGNATURE):
                raise InvalidRecord(field, f"names {name[:60]!r}, which isn't a plain file name")
            check_sha256(f"the SHA-256 of {name}", entry.sha256)
            most = _MOST_BYTES.get(name, limits.MAX_BUNDLE_FILE_BYTES)
            if not 0 <= entry.size <= most:
                raise InvalidRecord(f"the size of {name}", f"is {entry.size} bytes; at most {most}")
        total = sum(entry.size for entry in self.files.values())
        if total > limits.MAX_BUNDLE_BYTES:
            raise InvalidRecord(field, f"takes {total} bytes; at most {limits.MAX_BUNDLE_BYTES}")

    @property
    def best_unseen(self) -> BestUnseen | None:
        """What the model's best predictions came to; None in bundles made before this was kept."""
        names = BestUnseen.__struct_fields__
        figures = [self.metrics.get(f"best_{name}") for name in names]
        if any(figure is None or not math.isfinite(figure) for figure in figures):
            return None
        return msgspec.convert(dict(zip(names, figures, strict=True)), BestUnseen, strict=False)

    @property
    def origin(self) -> Provenance:
        """How the model came about; an empty provenance in bundles made before this was kept."""
        return Provenance() if self.provenance is msgspec.UNSET else self.provenance

    @property
    def about(self) -> Domain:
        """What the model is about: films, unless it says otherwise."""
        return FILMS if self.domain is msgspec.UNSET else self.domain

    @property
    def model_hash(self) -> str:
        """The SHA-256 of `model.onnx`: what "model hash" always means."""
        return self.files[MODEL].sha256
