"""From a job to a checked bundle in the incoming folder.

Everything arrives in `.partial-<version>` and is checked there: the manifest's hash against the
job, its signature and key, the version against the ratchet, each file's size and hash. Only then it
gets its name. Power may vanish anywhere: the next try goes on from what is whole.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
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
from data.durable import write_synced
from data.errors import GreenlightError
from data.manifest import MANIFEST, SIGNATURE, FileEntry, Manifest
from edge.incoming import hand_over, incoming_folder, incoming_path, share

_PARTIAL = ".partial-"

# Called at every piece: it is the worker's sign of life, and raises Stopped once the job is given
# up.
Checkpoint: TypeAlias = Callable[[], None]


class Source(Protocol):
    """Where a bundle's files come from."""

    def read(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of one object from an offset on (see cloud_sync.artefacts.Bucket)."""

    def close(self) -> None:
        """Let go of connections."""


class NoSpaceForDownload(GreenlightError):
    """There is not enough free space to download, or none is left."""


class Stopped(GreenlightError):
    """The job was given up while it was being fetched."""


class Downloader:
    """Fetches bundles into a device's state folder."""

    def __init__(
        self,
        state: Path,
        public_keys: Mapping[str, bytes],
        ratchet: Ratchet,
        open_bucket: Callable[[str], Source],
        min_free_bytes: int,
    ) -> None:
        self._state = state
        self._public_keys = public_keys
        self._ratchet = ratchet
        self._open_bucket = open_bucket
        self._min_free_bytes = min_free_bytes

    def fetch(
        self, job: Job, checkpoint: Checkpoint
    ) -> Fetched | FetchFailed | BundleRejected | SoftwareTooOld:
        """Fetch, check and place a job's bundle. What is already there is not fetched again."""
        try:
            with _reporting_full_disk():
                return Fetched(job.id, self._fetch(job, checkpoint))
        except NeedsNewerSoftware as error:
            return SoftwareTooOld(job.id, str(error))
        except (BundleRefused, VersionRefused, ArtefactMissing) as error:
            return BundleRejected(job.id, str(error))
        except NoSpaceForDownload as error:
            # Of all that lies on a full disk this is missed least; a rating needs the space.
            with contextlib.suppress(OSError):
                self._give_up_partial(job.document.version)
            return FetchFailed(job.id, str(error))
        except ArtefactDenied as error:
            return FetchFailed(job.id, str(error), denied=True)
        except (GreenlightError, OSError) as error:
            return FetchFailed(job.id, str(error))

    def discard(self, version: int) -> None:
        """Remove a bundle that is no longer needed from the incoming folder."""
        self._give_up_partial(version)
        path = incoming_path(self._state, str(version))
        if path.exists():
            shutil.rmtree(path)

    def _fetch(self, job: Job, checkpoint: Checkpoint) -> str:
        document, name = job.document, str(job.document.version)
        self._clear_others(document.version)
        if self._placed(job):
            return name
        partial = self._partial(document.version)
        if not partial.exists():
            partial.mkdir()
            share(partial)

        def with_room_left() -> None:
            checkpoint()
            # Others write too, and what they need must not go into a download.
            self._check_space(0)

        bucket = self._open_bucket(document.bucket)
        try:
            manifest = self._manifest(job, bucket, partial, checkpoint)
            self._check_space(_missing_bytes(manifest, partial))
            for file, entry in manifest.files.items():
                self._file(bucket, document.prefix + file, partial / file, entry, with_room_left)
        finally:
            bucket.close()
        # All of it once more, as the appliance will: parts that are right may not be a whole.
        bundle = read_bundle(partial, self._public_keys)
        self._ratchet.raise_to(manifest.key_id, manifest.version, bundle.manifest_sha256)
        hand_over(partial, self._state, name)
        return name

    def _placed(self, job: Job) -> bool:
        """Return whether an earlier try got this far."""
        folder = incoming_path(self._state, str(job.document.version))
        try:
            bundle = read_bundle(folder, self._public_keys)
        except BundleRefused:
            return False
        return bundle.manifest_sha256 == job.document.manifest_sha256

    def _manifest(
        self, job: Job, bucket: Source, partial: Path, checkpoint: Checkpoint
    ) -> Manifest:
        document = job.document
        raw = _small(bucket, document.prefix + MANIFEST, limits.MAX_MANIFEST_BYTES, checkpoint)
        if hashlib.sha256(raw).hexdigest() != document.manifest_sha256:
            raise HashMismatch(f"{MANIFEST}: is not the one that the job names")
        signature = _small(bucket, document.prefix + SIGNATURE, signing.SIGNATURE_BYTES, checkpoint)
        manifest = check_manifest(raw, signature, self._public_keys)
        if manifest.version != document.version:
            raise VersionRefused(
                f"the manifest is version {manifest.version}, the job says {document.version}"
            )
        self._ratchet.check(manifest.key_id, manifest.version, document.manifest_sha256)
        write_synced(partial / MANIFEST, raw)
        write_synced(partial / SIGNATURE, signature)
        return manifest

    def _check_space(self, missing_bytes: int) -> None:
        free = shutil.disk_usage(self._state).free
        if free < missing_bytes + self._min_free_bytes:
            raise NoSpaceForDownload(
                f"the disk has {free} bytes free; the model takes {missing_bytes} more and"
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
            # Power was lost while the first part was written: all of it again, next time.
            raise CloudUnreachable(f"{path.name}: its first part was damaged; fetched again")
        raise HashMismatch(f"{path.name}: its bytes are not those that were signed")

    def _clear_others(self, version: int) -> None:
        """Remove what other versions left: one update runs at a time, and this is it."""
        keep = {str(version), self._partial(version).name}
        for path in incoming_folder(self._state).iterdir():
            if path.name not in keep and path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)

    def _give_up_partial(self, version: int) -> None:
        if self._partial(version).exists():
            shutil.rmtree(self._partial(version))

    def _partial(self, version: int) -> Path:
        return incoming_folder(self._state) / f"{_PARTIAL}{version}"


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
            raise NoSpaceForDownload(f"the disk is full: {error}; tried again later") from error
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
    """Write what comes from offset `start` on; never beyond what the manifest says."""
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
        raise CloudUnreachable(f"{path.name}: ended after {size} of {most_bytes} bytes")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
