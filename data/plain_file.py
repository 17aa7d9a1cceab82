"""Opens files in a folder that isn't trusted."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_plain(path: Path | str, folder: int | None = None) -> int:
    """Open a plain file for reading and return its descriptor; refuse links, pipes and devices.

    Args:
        path: of the file.
        folder: the descriptor of the folder that `path` is relative to, if it is not the present.

    Raises:
        OSError: whose `strerror` says what is wrong.
    """
    # O_NONBLOCK: a named pipe must not block before it is recognised.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "isn't a plain file", str(path))
