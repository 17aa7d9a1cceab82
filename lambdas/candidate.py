"""Reads the output of a training job without trusting it. Pure; the judge and the release share it.

The archive is unpacked in memory, within limits, and only expected files are kept. Manifest,
catalogue and probes are read as a device reads them; the arrays are passed on unread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data import limits, wire
from data.catalogue import Catalogue
from data.errors import InvalidRecord
from data.manifest import (
    ARRAYS,
    CATALOGUE,
    MANIFEST,
    PROBES,
    REPORT,
    SIGNATURE,
    FileEntry,
    Manifest,
)
from data.probes import Probes
from data.verdict import MAX_VERDICT_BYTES, VERDICT, Verdict
from lambdas.archive import unpack
from lambdas.errors import CandidateRejected
from lambdas.training_jobs import MODEL_NAME

MAX_ARCHIVE_BYTES = 128 * 1024 * 1024
_BUNDLE = "bundle/"
_MOST_BYTES = {
    VERDICT: MAX_VERDICT_BYTES,
    REPORT: 16 * 1024 * 1024,
    ARRAYS: limits.MAX_ARRAYS_BYTES,
}


@dataclass(frozen=True)
class Candidate:
    """A model that may be released.

    Attributes:
        files: the bundle's files by name, without manifest and signature.
        probes: what the model must answer.
        arrays: the bytes of `arrays.npz`.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    probes: Probes
    arrays: bytes


@dataclass(frozen=True)
class JobOutput:
    """The output of a training job.

    Attributes:
        reports: the verdict and its report for people, by file name.
        candidate: the model to release; None if the verdict refuses it.
    """

    verdict: Verdict
    reports: Mapping[str, bytes]
    candidate: Candidate | None


def read(archive: bytes, model_name: str = MODEL_NAME) -> JobOutput:
    """Return the output of a training job.

    Args:
        archive: the bytes of its `model.tar.gz`.
        model_name: of the stack's models; no other is released.

    Raises:
        CandidateRejected: naming the file and the reason.
    """
    found = unpack(archive, _most_bytes_of)
    if VERDICT not in found:
        raise CandidateRejected(f"{VERDICT}: is missing; nothing is released without a verdict")
    verdict = _record(found[VERDICT], VERDICT, Verdict, MAX_VERDICT_BYTES)
    reports = {name: found[name] for name in (VERDICT, REPORT) if name in found}
    candidate = _candidate(found, verdict, model_name) if verdict.released else None
    return JobOutput(verdict, reports, candidate)


def _candidate(found: Mapping[str, bytes], verdict: Verdict, model_name: str) -> Candidate:
    bundle = {
        name.removeprefix(_BUNDLE): content
        for name, content in found.items()
        if name.startswith(_BUNDLE)
    }
    for name in (_BUNDLE + MANIFEST, ARRAYS):
        if name not in found:
            raise CandidateRejected(f"{name}: is missing")
    manifest = _record(
        bundle.pop(MANIFEST), _BUNDLE + MANIFEST, Manifest, limits.MAX_MANIFEST_BYTES
    )
    # Only the stack's own key counts, whatever it was signed with.
    bundle.pop(SIGNATURE, None)
    for name in sorted({*bundle, *manifest.files}):
        if name not in bundle:
            raise CandidateRejected(f"{_BUNDLE}{name}: is missing, but the manifest lists it")
        if name not in manifest.files:
            raise CandidateRejected(f"{_BUNDLE}{name}: isn't in the manifest")
        if FileEntry.of(bundle[name]) != manifest.files[name]:
            raise CandidateRejected(f"{_BUNDLE}{name}: its bytes aren't those in the manifest")
    if manifest.name != model_name:
        raise CandidateRejected(
            f"{VERDICT}: name: this stack's models are named {model_name}, but the bundle is "
            f"{manifest.name}"
        )
    _check_same(verdict, manifest)
    most = limits.MAX_BUNDLE_FILE_BYTES
    _record(bundle[CATALOGUE], _BUNDLE + CATALOGUE, Catalogue, most)
    probes = _record(bundle[PROBES], _BUNDLE + PROBES, Probes, most)
    return Candidate(manifest, bundle, probes, found[ARRAYS])


def _check_same(verdict: Verdict, manifest: Manifest) -> None:
    """Raise CandidateRejected unless the verdict is about exactly this model."""
    for field, judged, made in (
        ("name", verdict.name, manifest.name),
        ("version", verdict.candidate.version, manifest.version),
        ("model_hash", verdict.candidate.model_hash, manifest.model_hash),
    ):
        if judged != made:
            raise CandidateRejected(
                f"{VERDICT}: {field}: the verdict is about {judged}, but the bundle is {made}"
            )


def _record(raw: bytes, name: str, kind: type[wire.Record], most: int) -> wire.Record:
    try:
        return wire.decode(raw, kind, most)
    except InvalidRecord as error:
        raise CandidateRejected(f"{name}: {error}") from error


def _most_bytes_of(name: str) -> int | None:
    """Return how many bytes a file may have; None if it isn't expected."""
    folder, _, rest = name.rpartition("/")
    in_bundle = limits.MAX_BUNDLE_FILE_BYTES if f"{folder}/" == _BUNDLE and rest else None
    return _MOST_BYTES.get(name, in_bundle)
