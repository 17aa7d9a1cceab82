"""Copies an offered bundle without trusting it: plain files only, no links, limited in size."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from data import limits
from data.manifest import MANIFEST
from data.plain_file import open_plain
from edge.models.activation import Refused

_CHUNK = 1 << 20
# The device's own problems, whatever the download is like.
_OF_THE_MOMENT = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EIO,
    errno.ENOMEM,
    errno.EMFILE,
    errno.ENFILE,
}


def is_of_the_moment(error: OSError) -> bool:
    """Return whether an error is the device's own problem, and not the download's."""
    return error.errno in _OF_THE_MOMENT


def copy_folder(source: Path, target: Path) -> None:
    """Copy the plain files of a folder, each synced to the disk.

    Raises:
        Refused: the source isn't a possible bundle.
        OSError: it can't be read, or the disk is full.
    """
    # Opened once and read through that descriptor, so the path can't be swapped.
    folder = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
        if MANIFEST not in names:
            raise Refused(f"the download holds no {MANIFEST}")
        if len(names) > limits.MAX_BUNDLE_FILES:
            raise Refused(f"the download has {len(names)} files; too many for a bundle")
        left = limits.MAX_BUNDLE_BYTES
        for name in sorted(names):
            left -= _copy_file(folder, name, target / name, left)
    finally:
        os.close(folder)


def _copy_file(folder: int, name: str, target: Path, most_bytes: int) -> int:
    try:
        source = open_plain(name, folder)
    except OSError as error:
        if is_of_the_moment(error):
            raise
        raise Refused(f"{name}: {error.strerror}; it must be a plain file") from error
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
