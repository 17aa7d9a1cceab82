"""Records for tests: valid feedback, signed bundles."""

from __future__ import annotations

from pathlib import Path

import msgspec

from data.bundle import write_bundle
from data.ids import new_id
from data.manifest import (
    CATALOGUE,
    MANIFEST,
    MODEL,
    PROBES,
    REPORT,
    SIGNATURE,
    Manifest,
    TrainingSource,
)
from data.messages import Feedback, ModelUpdateJob
from data.signing import PrivateKey

THING = "MovieSelector"
BUCKET = "greenlight-models"
HASH = "0" * 64


def feedback(number: int = 0, thing: str = THING, **changes: object) -> Feedback:
    """Return a rating of film `number`, with a new id."""
    record = Feedback(
        id=new_id(),
        thing=thing,
        pick_id=new_id(),
        title=f"Film {number} & Söhne",
        director="Ann Bee",
        year=2020,
        genres=("Comedy", "Drama"),
        expected=6.625,
        stars=1 + number % 10,
        source="owner",
        model_version=1,
        model_hash=HASH,
        rated_at="1970-01-01T00:00:07Z",
        boot_id="6f1a",
    )
    return msgspec.structs.replace(record, **changes)


def manifest(version: int) -> Manifest:
    """Return a manifest without files."""
    return Manifest(
        name="films",
        version=version,
        created_at="2026-01-01T00:00:00Z",
        key_id="",
        files={},
        inputs=(),
        outputs=(),
        feature_schema={},
        metrics={},
        training=TrainingSource("sample", 1, HASH),
        min_onnxruntime="1.20",
    )


class Published:
    """A signed bundle as it is in the bucket."""

    def __init__(
        self, folder: Path, version: int, key: PrivateKey, model: bytes = b"model" * 40_000
    ) -> None:
        files = {
            MODEL: model + b"%d" % version,
            PROBES: b"{}",
            CATALOGUE: b'{"x": 1}',
            REPORT: b"<!doctype html><title>the model</title>" * 1000,
        }
        self.manifest_sha256 = write_bundle(folder, manifest(version), files, key)
        self.version = version
        self.prefix = f"models/films/{version}/"
        self.objects = {
            self.prefix + name: (folder / name).read_bytes()
            for name in (*files, MANIFEST, SIGNATURE)
        }

    def document(self, **changes: object) -> ModelUpdateJob:
        """Return the job that brings it."""
        job = ModelUpdateJob(
            "model-update", self.version, BUCKET, self.prefix, self.manifest_sha256
        )
        return msgspec.structs.replace(job, **changes)
