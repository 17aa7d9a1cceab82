"""Copies the folder that provisioning wrote, for `greenlight-setup connect`.

usage: connection.py FOLDER FRESH      as root; FRESH is made, for root alone

FOLDER belongs to someone else, who may change it while root reads it: so everything is opened
without following links, and only plain files with a single name that provisioning would write are
copied. If it refuses, it says what is wrong and leaves nothing behind.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from pathlib import Path

PUBLIC_KEYS = "public-keys"
CONFIGURATION = "sync.toml"
# A certificate, a key or a few settings; the largest is some 4 kB.
MOST_BYTES = 64 * 1024
MOST_FILES = 64
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")


class FolderRefused(Exception):
    """The folder isn't what provisioning wrote; the message says what is wrong."""


def copy(folder: Path, fresh: Path) -> None:
    """Copy the plain files of FOLDER and of its public-keys into FRESH.

    Raises:
        FolderRefused: a link, a special file, an unexpected name, or too many or too large files.
        OSError: writing failed.
    """
    fresh.mkdir(mode=0o700)
    try:
        source = _open_folder(folder, None)
        try:
            _copy_files(source, folder, fresh, (PUBLIC_KEYS,))
            keys = _open_folder(Path(PUBLIC_KEYS), source)
            try:
                (fresh / PUBLIC_KEYS).mkdir(mode=0o700)
                _copy_files(keys, folder / PUBLIC_KEYS, fresh / PUBLIC_KEYS, ())
            finally:
                os.close(keys)
        finally:
            os.close(source)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _open_folder(path: Path, within: int | None) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)
    except FileNotFoundError:
        raise FolderRefused(f"{path} is missing") from None
    except OSError:
        raise FolderRefused(
            f"{path} is not a folder, or is a link: give the folder itself"
        ) from None


def _copy_files(source: int, shown: Path, target: Path, folders: tuple[str, ...]) -> None:
    names = sorted(os.listdir(source))
    if len(names) > MOST_FILES:
        raise FolderRefused(f"{shown} holds {len(names)} files: provisioning writes a handful")
    for name in names:
        if name in folders:
            continue
        if not _NAME.match(name):
            raise FolderRefused(f"{shown} holds {name!r}, which provisioning doesn't write")
        content = _read_plain(name, source, shown / name)
        with open(target / name, "xb") as file:  # noqa: PTH123 - exclusive and binary at once
            os.fchmod(file.fileno(), 0o400)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _read_plain(name: str, within: int, shown: Path) -> bytes:
    try:
        # Non-blocking: a named pipe would otherwise hang forever.
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=within)
    except OSError:
        raise FolderRefused(f"{shown} is a link or can't be read: copy the file itself") from None
    try:
        what = os.fstat(handle)
        if not stat.S_ISREG(what.st_mode):
            raise FolderRefused(f"{shown} is not a plain file")
        if what.st_nlink != 1:
            raise FolderRefused(f"{shown} has a second name elsewhere: copy the file itself")
        with os.fdopen(os.dup(handle), "rb") as file:
            content = file.read(MOST_BYTES + 1)
    finally:
        os.close(handle)
    if len(content) > MOST_BYTES:
        raise FolderRefused(f"{shown} is larger than {MOST_BYTES} bytes")
    return content


if __name__ == "__main__":
    os.umask(0o077)
    try:
        copy(Path(sys.argv[1]), Path(sys.argv[2]))
    except (FolderRefused, OSError) as refused:
        sys.exit(str(refused))
