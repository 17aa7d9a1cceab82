"""From a job to a checked bundle in the incoming folder.

Everything is downloaded to `.partial-<version>` and checked there: the manifest's hash against the
job, its signature and key, the version against the ratchet, each file's size and hash. Only then is
the folder renamed. After a power cut, the next try continues with what is complete.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from cloud_sync.artefacts import (
    ArtefactDenied,
    ArtefactMissing,
    CloudUnreachable,
    RangeRefused,
)
from cloud_sync.ratchet import Ratchet, VersionRefused
from cloud_sync.update import BundleRejected, Fetched, FetchFailed, Job, SoftwareTooOld
from data import limits, signing
from data.bundle import (
    BundleRefused,
    HashMismatch,
    NeedsNewerSoftware,
    check_manifest,
    read_bundle,
)
from data.durable import replace_durably, write_synced
from data.errors import GreenlightError
from data.manifest import MANIFEST, SIGNATURE, FileEntry, Manifest
from data.topics import TRUST_PREFIX
from data.trust import MAX_TRUST_BYTES, Trust, file_name
from edge.incoming import hand_over, incoming_folder, incoming_path, share

_log = logging.getLogger(__name__)

_PARTIAL = ".partial-"

# Called for every chunk: it shows that the worker is alive, and raises Stopped once the job was
# given up.
Checkpoint: TypeAlias = Callable[[], None]

# A link slower than this never brings a model; a hostile server may send this slowly on purpose.
_FEWEST_BYTES_PER_SECOND = 1000
_WINDOW_SECONDS = 60.0


class Source(Protocol):
    """Where a bundle's files come from."""

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of one object from an offset (see cloud_sync.artefacts.Bucket)."""

    def close(self) -> None:
        """Close the connections."""


class NoSpaceForDownload(GreenlightError):
    """There isn't enough free space for the download."""


class Stopped(GreenlightError):
    """The job was given up while it was being fetched."""


class Downloader:
    """Fetches bundles into a device's state folder."""

    def __init__(
        self,
        state: Path,
        trust: Callable[[], Trust],
        ratchet: Ratchet,
        open_bucket: Callable[[str], Source],
        min_free_bytes: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._trust = trust
        self._ratchet = ratchet
        self._open_bucket = open_bucket
        self._min_free_bytes = min_free_bytes
        self._monotonic = monotonic

    def fetch(
        self, job: Job, checkpoint: Checkpoint
    ) -> Fetched | FetchFailed | BundleRejected | SoftwareTooOld:
        """Fetch, check and place a job's bundle. Complete files aren't fetched again."""
        try:
            with _reporting_full_disk():
                return Fetched(job.id, self._fetch(job, checkpoint))
        except NeedsNewerSoftware as error:
            return SoftwareTooOld(job.id, str(error))
        except (BundleRefused, VersionRefused, ArtefactMissing) as error:
            return BundleRejected(job.id, str(error))
        except NoSpaceForDownload as error:
            # On a full disk this is the most dispensable; a rating needs the space.
            with contextlib.suppress(OSError):
                self._remove_partial(job.document.version)
            return FetchFailed(job.id, str(error))
        except ArtefactDenied as error:
            return FetchFailed(job.id, str(error), denied=True)
        except (GreenlightError, OSError) as error:
            return FetchFailed(job.id, str(error))

    def discard(self, version: int) -> None:
        """Remove a bundle that is no longer needed from the incoming folder."""
        self._remove_partial(version)
        path = incoming_path(self._state, str(version))
        if path.exists():
            shutil.rmtree(path)

    def _fetch(self, job: Job, checkpoint: Checkpoint) -> str:
        document, name = job.document, str(job.document.version)
        self._clear_others(document.version)
        if self._is_placed(job):
            return name
        partial = self._partial(document.version)
        if not partial.exists():
            partial.mkdir()
            share(partial)

        def check_space_left() -> None:
            checkpoint()
            # Others write to the disk too, and a download must leave them their space.
            self._check_space(0)

        bucket = _Paced(self._open_bucket(document.bucket), self._monotonic)
        try:
            self._follow_trust(bucket, checkpoint)
            manifest = self._manifest(job, bucket, partial, checkpoint)
            self._check_space(_missing_bytes(manifest, partial))
            for file, entry in manifest.files.items():
                self._file(bucket, document.prefix + file, partial / file, entry, check_space_left)
        finally:
            bucket.close()
        # Check the whole bundle as the appliance will: valid parts may not make a valid bundle.
        bundle = read_bundle(partial, self._trust().new)
        self._ratchet.raise_to(manifest.name, manifest.version, bundle.manifest_sha256)
        hand_over(partial, self._state, name)
        return name

    def _is_placed(self, job: Job) -> bool:
        """Return whether an earlier try got this far."""
        folder = incoming_path(self._state, str(job.document.version))
        try:
            bundle = read_bundle(folder, self._trust().new)
        except BundleRefused:
            return False
        return bundle.manifest_sha256 == job.document.manifest_sha256

    def _follow_trust(self, bucket: Source, checkpoint: Checkpoint) -> None:
        """Fetch the trust documents after the one followed here, for the appliance as well.

        Whatever is wrong with one, the model still has to be signed as the one before says.
        """
        while True:
            version = self._trust().version + 1
            key = TRUST_PREFIX + file_name(version)
            try:
                raw = _small(bucket, key, MAX_TRUST_BYTES, checkpoint)
            except (ArtefactMissing, ArtefactDenied):
                return
            except BundleRefused as error:
                _log.warning("%s", error)
                return
            path = incoming_folder(self._state) / file_name(version)
            replace_durably(path, raw, 0o660)
            if self._trust().version < version:
                path.unlink()
                _log.warning("%s: isn't signed as the trust document before it requires", key)
                return
            _log.info("trust document: follows version %d", version)

    def _manifest(
        self, job: Job, bucket: Source, partial: Path, checkpoint: Checkpoint
    ) -> Manifest:
        document = job.document
        raw = _small(bucket, document.prefix + MANIFEST, limits.MAX_MANIFEST_BYTES, checkpoint)
        if hashlib.sha256(raw).hexdigest() != document.manifest_sha256:
            raise HashMismatch(f"{MANIFEST}: isn't the one that the job names")
        signature = _small(bucket, document.prefix + SIGNATURE, signing.SIGNATURE_BYTES, checkpoint)
        trust = self._trust()
        trust.refuse_if_expired(datetime.now(UTC))
        manifest = check_manifest(raw, signature, trust.new)
        if manifest.version != document.version:
            raise VersionRefused(
                f"the manifest is version {manifest.version}, the job says {document.version}"
            )
        self._ratchet.check(manifest.name, manifest.version, document.manifest_sha256)
        write_synced(partial / MANIFEST, raw)
        write_synced(partial / SIGNATURE, signature)
        return manifest

    def _check_space(self, missing_bytes: int) -> None:
        free = shutil.disk_usage(self._state).free
        if free < missing_bytes + self._min_free_bytes:
            raise NoSpaceForDownload(
                f"the disk has {free} bytes free; the model needs {missing_bytes} more and"
                f" {self._min_free_bytes} must stay free"
            )

    def _file(
        self, bucket: Source, key: str, path: Path, entry: FileEntry, checkpoint: Checkpoint
    ) -> None:
        start = path.stat().st_size if path.exists() else 0
        if start > entry.size:
            start = 0
        try:
            if start < entry.size or entry.size == 0:
                _append(bucket.read(key, start), path, start, entry.size, checkpoint)
        except RangeRefused:
            path.unlink(missing_ok=True)
            raise
        if _sha256(path) == entry.sha256:
            return
        path.unlink()
        if start:
            # Power was lost while the first part was written: fetch it all again next time.
            raise CloudUnreachable(
                f"{path.name}: the first part was damaged; it will be fetched again"
            )
        raise HashMismatch(f"{path.name}: isn't the file that was signed")

    def _clear_others(self, version: int) -> None:
        """Remove what other versions left behind: only one update runs at a time."""
        keep = {str(version), self._partial(version).name}
        for path in incoming_folder(self._state).iterdir():
            if path.name not in keep and path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)

    def _remove_partial(self, version: int) -> None:
        if self._partial(version).exists():
            shutil.rmtree(self._partial(version))

    def _partial(self, version: int) -> Path:
        return incoming_folder(self._state) / f"{_PARTIAL}{version}"


class _Paced:
    """A source that gives up when an object arrives too slowly, though no single byte is late."""

    def __init__(self, source: Source, monotonic: Callable[[], float]) -> None:
        self._source = source
        self._monotonic = monotonic
        self._waited = 0.0
        self._bytes = 0

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the pieces of one object.

        Raises:
            CloudUnreachable: they come too slowly; what has come is kept.
        """
        pieces = iter(self._source.read(key, start))
        while True:
            began = self._monotonic()
            piece = next(pieces, None)
            self._waited += self._monotonic() - began
            if piece is None:
                return
            self._bytes += len(piece)
            yield piece
            if self._waited >= _WINDOW_SECONDS:
                self._look_back(key)

    def _look_back(self, key: str) -> None:
        rate = self._bytes / self._waited
        if rate < _FEWEST_BYTES_PER_SECOND:
            raise CloudUnreachable(
                f"{key}: comes at {rate:.0f} bytes a second; given up for now, and resumed later"
                " from where it stopped"
            )
        self._waited, self._bytes = 0.0, 0

    def close(self) -> None:
        """Let go of connections."""
        self._source.close()


def _missing_bytes(manifest: Manifest, partial: Path) -> int:
    total = sum(entry.size for entry in manifest.files.values())
    have = sum(path.stat().st_size for path in partial.iterdir() if path.name in manifest.files)
    return max(0, total - have)


@contextlib.contextmanager
def _reporting_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpaceForDownload(
                f"the disk is full: {error}; it will be tried again later"
            ) from error
        raise


def _small(bucket: Source, key: str, most_bytes: int, checkpoint: Checkpoint) -> bytes:
    content = b""
    checkpoint()
    for piece in bucket.read(key):
        checkpoint()
        content += piece
        if len(content) > most_bytes:
            raise BundleRefused(f"{key}: is larger than the {most_bytes} bytes allowed")
    return content


def _append(
    pieces: Iterator[bytes], path: Path, start: int, most_bytes: int, checkpoint: Checkpoint
) -> None:
    """Write chunks from offset `start`, never beyond the size in the manifest."""
    with path.open("r+b" if start else "wb") as file:
        file.truncate(start)
        file.seek(start)
        size = start
        for piece in pieces:
            checkpoint()
            size += len(piece)
            if size > most_bytes:
                raise HashMismatch(f"{path.name}: is larger than the {most_bytes} bytes signed")
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if size < most_bytes:
        raise CloudUnreachable(
            f"{path.name}: the download ended after {size} of {most_bytes} bytes"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
