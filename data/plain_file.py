"""Opens files of a folder that is not trusted."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_plain(path: Path | str, folder: int | None = None) -> int:
    """Return the descriptor of a plain file, to be read; a link, a pipe or a device is not opened.

    Args:
        path: of the file.
        folder: the descriptor of the folder that `path` is relative to, if it is not the present.

    Raises:
        OSError: whose `strerror` says what is wrong.
    """
    # O_NONBLOCK: a named pipe must not hold us up before it is seen to be no plain file.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "isn't a plain file", str(path))
