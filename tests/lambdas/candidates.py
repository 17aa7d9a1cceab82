"""Output of training jobs: complete, or manipulated by an attacker."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from data import signing, wire
from data.bundle import beside, read_bundle
from data.manifest import ARRAYS, MANIFEST, FileEntry, Manifest
from data.verdict import VERDICT, ModelIdentity, Verdict


def verdict(manifest: Manifest, **changes: Any) -> Verdict:
    """Return a verdict that releases this model."""
    fields: dict[str, Any] = {
        "decision": "release",
        "reasons": ("It is better.",),
        "name": manifest.name,
        "candidate": ModelIdentity(manifest.version, manifest.model_hash),
        "incumbent": ModelIdentity(max(manifest.version - 1, 1), "ab" * 32),
        "training_set": "cd" * 32,
        "counts": {},
        "comparisons": (),
        "checks": (),
        "created_at": "2026-01-02T03:04:05Z",
    }
    return Verdict(**(fields | changes))


def left_by_job(bundle: Path, version: int = 2, **changes: Any) -> dict[str, bytes]:
    """Return a training job's output: this bundle, unsigned, as another version."""
    key = signing.development_key()
    checked = read_bundle(bundle, {key.key_id: key.public_pem})
    manifest = msgspec.structs.replace(checked.manifest, version=version, key_id="")
    arrays = beside(bundle) / ARRAYS
    return {
        VERDICT: wire.encode(verdict(manifest, **changes), 1024 * 1024),
        "report.html": b"<p>why",
        ARRAYS: arrays.read_bytes(),
        f"bundle/{MANIFEST}": msgspec.json.encode(manifest),
        **{f"bundle/{name}": content for name, content in checked.files.items()},
    }


def replaced(files: dict[str, bytes], name: str, content: bytes) -> dict[str, bytes]:
    """Return a job's output with another file in its bundle, listed with its hash, and claimed."""
    manifest = msgspec.json.decode(files[f"bundle/{MANIFEST}"], type=Manifest)
    entries = manifest.files | {name: FileEntry.of(content)}
    changed = msgspec.structs.replace(manifest, files=entries)
    claimed = msgspec.json.decode(files[VERDICT]) | {
        "reasons": ["Because I say so."],
        "candidate": {"version": changed.version, "model_hash": changed.model_hash},
    }
    return files | {
        f"bundle/{name}": content,
        f"bundle/{MANIFEST}": msgspec.json.encode(changed),
        VERDICT: msgspec.json.encode(claimed),
    }


def packed(files: dict[str, bytes], more: Iterable[tarfile.TarInfo] = ()) -> bytes:
    """Return files as `model.tar.gz`, and entries without content behind them."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as archive:
        for name, raw in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(raw)
            archive.addfile(entry, io.BytesIO(raw))
        for entry in more:
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    return content.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, **fields: Any) -> tarfile.TarInfo:
    """Return an archive's entry."""
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made
