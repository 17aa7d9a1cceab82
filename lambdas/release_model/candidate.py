"""Reads the output of a training job without trusting it. Pure.

The archive is unpacked in memory, within limits, and only expected files are kept. The
arrays are passed on unread.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from data import limits, wire
from data.errors import GreenlightError, InvalidRecord
from data.manifest import ARRAYS, MANIFEST, REPORT, SIGNATURE, FileEntry, Manifest
from data.verdict import VERDICT, Verdict
from lambdas.training_jobs import MODEL_NAME

MAX_ARCHIVE_BYTES = 128 * 1024 * 1024
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_ENTRIES = 200
_MAX_VERDICT_BYTES = 1024 * 1024
_MAX_REPORT_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_BUNDLE = "bundle/"


class CandidateRejected(GreenlightError):
    """A training job's output can't be released; the message names the file and the reason."""


@dataclass(frozen=True)
class Candidate:
    """A model that may be released.

    Attributes:
        files: the bundle's files by name, without manifest and signature.
        arrays: the bytes of `arrays.npz`.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
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
    found = _unpack(archive)
    if VERDICT not in found:
        raise CandidateRejected(f"{VERDICT}: is missing; nothing is released without a verdict")
    verdict = _record(found[VERDICT], VERDICT, Verdict, _MAX_VERDICT_BYTES)
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
    return Candidate(manifest, bundle, found[ARRAYS])


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


def _unpack(archive: bytes) -> dict[str, bytes]:
    """Return the expected files; others are ignored."""
    found: dict[str, bytes] = {}
    names: set[str] = set()
    stream = _Bounded(gzip.GzipFile(fileobj=io.BytesIO(archive)))
    try:
        with tarfile.open(fileobj=stream, mode="r|") as entries:
            for entry in entries:
                name = _plain(entry)
                if name in names or len(names) >= MAX_ENTRIES:
                    raise CandidateRejected(
                        f"{name[:100]!r}: appears twice, or is one entry too many"
                    )
                names.add(name)
                content = entries.extractfile(entry) if entry.isfile() else None
                if content is not None and _is_expected(name):
                    _check_size(name, entry.size)
                    found[name] = content.read()
        # Read to the very end, where gzip's checksum is: nothing else covers the arrays.
        while stream.read(_CHUNK_BYTES):
            pass
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise CandidateRejected(f"model.tar.gz: can't be unpacked: {error}") from error
    return found


def _plain(entry: tarfile.TarInfo) -> str:
    """Return an entry's path below the folder; refuse paths that lead out of it, and links."""
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or "\0" in entry.name:
        raise CandidateRejected(f"{entry.name[:100]!r}: leads out of the model's folder")
    if not (entry.isfile() or entry.isdir()):
        raise CandidateRejected(f"{entry.name[:100]!r}: is a link or a device, not a file")
    return str(path)


def _is_expected(name: str) -> bool:
    folder, _, rest = name.rpartition("/")
    return name in (VERDICT, REPORT, ARRAYS) or (f"{folder}/" == _BUNDLE and bool(rest))


def _check_size(name: str, size: int) -> None:
    most = {
        VERDICT: _MAX_VERDICT_BYTES,
        REPORT: _MAX_REPORT_BYTES,
        ARRAYS: limits.MAX_ARRAYS_BYTES,
    }.get(name, limits.MAX_BUNDLE_FILE_BYTES)
    if size > most:
        raise CandidateRejected(f"{name}: has {size} bytes; {most} are allowed")


class _Bounded(io.RawIOBase):
    """A stream that fails past a size limit: a few kilobytes can unpack to gigabytes."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self._left = MAX_UNPACKED_BYTES

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size if 0 <= size <= self._left else self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise CandidateRejected(
                f"model.tar.gz: unpacks to more than {MAX_UNPACKED_BYTES} bytes"
            )
        return content
