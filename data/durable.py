"""Durable first: write, fsync, rename, fsync the folder. A power cut leaves the old or the new."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_synced(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file and have it on the disk; its name is durable once `sync_folder` has run.

    Args:
        path: created, or replaced.
        content: all of it.
        mode: of a file that is new, less the process's umask.

    Raises:
        OSError: the file may be half there.
    """
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace a file so that a power cut leaves the old or the new one, whole.

    Args:
        path: the file.
        content: all of it.
        mode: of the file, less the process's umask.

    Raises:
        OSError: nothing has been changed.
    """
    fresh = _fresh(path)
    try:
        write_synced(fresh, content, mode)
        fresh.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only this user can read, as `replace_durably` does.

    Raises:
        OSError: nothing has been changed.
    """
    # An earlier run's leftover may be readable for others.
    _fresh(path).unlink(missing_ok=True)
    replace_durably(path, content, 0o600)


def _fresh(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def rename_durably(fresh: Path, path: Path) -> None:
    """Rename a file that was written next to `path`, once all of it is on disk.

    Raises:
        OSError: `path` is as it was.
    """
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_folder(path.parent)


def aside_name(path: Path, why: str = "damaged") -> Path:
    """Return the first free `<name>.<why>-<n>`: unusable files are set aside, never deleted."""
    number = 1
    while (aside := path.with_name(f"{path.name}.{why}-{number}")).exists():
        number += 1
    return aside


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
