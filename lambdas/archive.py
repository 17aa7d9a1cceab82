"""A training job's `model.tar.gz`, read without trusting it: every length is checked first.

Python's tarfile follows extended headers of any length, and sparse files, of which a few hundred
bytes make gigabytes. A job's output needs neither. So only plain files and folders are read, and
the extended headers that tools write about times and owners are skipped.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath

from lambdas.errors import CandidateRejected

MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_ENTRIES = 200
_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 64 * 1024
_MAX_EXTENDED_BYTES = 16 * 1024
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE)
# Extended headers about the next entry, or all. Those that would rename or resize it, or make it
# sparse, are refused.
_EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE)
_MEANT = (b" path=", b" size=", b" linkpath=", b" GNU.sparse", b" hdrcharset=")


def unpack(archive: bytes, most_bytes_of: Callable[[str], int | None]) -> dict[str, bytes]:
    """Return the expected files of an archive; others are skipped.

    Args:
        archive: the bytes of `model.tar.gz`.
        most_bytes_of: how many bytes a file of this path may have; None if it isn't expected.

    Raises:
        CandidateRejected: naming the entry and the reason.
    """
    stream = _Bounded(gzip.GzipFile(fileobj=io.BytesIO(archive)))
    try:
        return _files(stream, most_bytes_of)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise CandidateRejected(f"model.tar.gz can't be unpacked: {error}") from error


def _files(stream: _Bounded, most_bytes_of: Callable[[str], int | None]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    names: set[str] = set()
    headers = 0
    while any(header := stream.exactly(_BLOCK)):
        entry = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        headers += 1
        if headers > 2 * MAX_ENTRIES:
            raise CandidateRejected(f"model.tar.gz has over {2 * MAX_ENTRIES} headers")
        if entry.type in _EXTENDED:
            _skip_extended(stream, entry)
            continue
        name = _plain(entry)
        if name in names or len(names) >= MAX_ENTRIES:
            raise CandidateRejected(f"{name[:100]!r}: appears twice, or is one entry too many")
        names.add(name)
        most = most_bytes_of(name) if entry.isfile() else None
        if most is None:
            stream.skip(entry.size)
        elif entry.size > most:
            raise CandidateRejected(f"{name}: has {entry.size} bytes; {most} are allowed")
        else:
            found[name] = stream.exactly(entry.size)
        stream.skip(-entry.size % _BLOCK)
    # Read to the very end, where gzip's checksum is: nothing else covers the arrays.
    while stream.read(_CHUNK_BYTES):
        pass
    return found


def _plain(entry: tarfile.TarInfo) -> str:
    """Return an entry's path below the folder; refuse what isn't a plain file or folder in it."""
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or "\0" in entry.name:
        raise CandidateRejected(f"{entry.name[:100]!r}: leads out of the model's folder")
    if entry.type not in _PLAIN or entry.size < 0:
        raise CandidateRejected(
            f"{entry.name[:100]!r}: is a link, a device or sparse, not a plain file"
        )
    return str(path)


def _skip_extended(stream: _Bounded, entry: tarfile.TarInfo) -> None:
    if not 0 <= entry.size <= _MAX_EXTENDED_BYTES:
        raise CandidateRejected(f"{entry.name[:100]!r}: is a header of {entry.size} bytes")
    content = stream.exactly(entry.size)
    if any(word in content for word in _MEANT):
        raise CandidateRejected(
            f"{entry.name[:100]!r}: renames or resizes an entry, or makes it sparse"
        )
    stream.skip(-entry.size % _BLOCK)


class _Bounded:
    """A stream that fails past a size limit: a few kilobytes can unpack to gigabytes."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self._left = MAX_UNPACKED_BYTES

    def read(self, size: int) -> bytes:
        content = self._stream.read(min(size, self._left + 1))
        self._left -= len(content)
        if self._left < 0:
            raise CandidateRejected(f"model.tar.gz unpacks to more than {MAX_UNPACKED_BYTES} bytes")
        return content

    def exactly(self, size: int) -> bytes:
        """Return this many bytes.

        Raises:
            EOFError: there are fewer.
        """
        content = self.read(size)
        if len(content) < size:
            raise EOFError("it ends too early")
        return content

    def skip(self, size: int) -> None:
        while size > 0:
            size -= len(self.exactly(min(size, _CHUNK_BYTES)))
