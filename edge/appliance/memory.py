"""Returns freed memory to the system: a Pi has little, and an appliance runs for years.

glibc keeps freed memory for later use, and raises its limit after large allocations. Trying a model
or hashing a PIN takes many megabytes for a moment; without this, they would never be returned.
"""

from __future__ import annotations

import ctypes
import gc

# From malloc.h. Setting the first two also stops glibc from raising them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_PIECE_BYTES = 128 * 1024
_ARENAS = 2


def keep_little() -> None:
    """Have glibc return large blocks as soon as they are freed. Call this once, early.

    Does nothing with other C libraries.
    """
    libc = _libc()
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, _PIECE_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, _PIECE_BYTES)
        libc.mallopt(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Return free memory to the system. Takes some milliseconds: call it after large jobs."""
    gc.collect()
    libc = _libc()
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
