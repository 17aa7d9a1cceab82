"""Copies an offered bundle without trusting it: plain files only, no links, never too much."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from data import limits
from data.manifest import MANIFEST
from edge.models.activation import Refused

_CHUNK = 1 << 20


def copy_folder(source: Path, target: Path) -> None:
    """Copy the plain files of a folder, each synced to the disk.

    Raises:
        Refused: the source holds what no bundle can hold.
        OSError: it cannot be read, or there is no space.
    """
    # Opened once and read through that descriptor: what the name means later does not matter.
    folder = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
        if MANIFEST not in names:
            raise Refused(f"the download holds no {MANIFEST}")
        if len(names) > limits.MAX_BUNDLE_FILES:
            raise Refused(f"the download holds {len(names)} files; too many for a bundle")
        left = limits.MAX_BUNDLE_BYTES
        for name in sorted(names):
            left -= _copy_file(folder, name, target / name, left)
    finally:
        os.close(folder)


def _copy_file(folder: int, name: str, target: Path, most_bytes: int) -> int:
    # O_NONBLOCK: a named pipe must not hold us up before it is seen to be no plain file.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        source = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        raise Refused(f"{name}: {error.strerror}; a plain file is needed") from error
    if not stat.S_ISREG(os.fstat(source).st_mode):
        os.close(source)
        raise Refused(f"{name}: is no plain file")
    with os.fdopen(source, "rb") as reader:
        copied = 0
        with target.open("wb") as writer:
            while chunk := reader.read(_CHUNK):
                copied += len(chunk)
                if copied > most_bytes:
                    raise Refused(f"{name}: makes the download too large for a bundle")
                writer.write(chunk)
            writer.flush()
            os.fsync(writer.fileno())
    return copied
