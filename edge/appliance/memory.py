"""Gives memory back after use: a Pi has little, and an appliance runs for years.

glibc keeps what was freed for later use, and more of it the larger the pieces were. Trying a model
or hashing a PIN takes many megabytes for a moment; without this they would stay with us for ever.
"""

from __future__ import annotations

import ctypes
import gc

# From malloc.h. Setting the first two also ends their growing by themselves.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_PIECE_BYTES = 128 * 1024
_ARENAS = 2


def keep_little() -> None:
    """Have the C library give large pieces back as soon as they are freed. Call this once, early.

    Elsewhere than on glibc nothing happens.
    """
    libc = _libc()
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, _PIECE_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, _PIECE_BYTES)
        libc.mallopt(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give back what is free by now. Takes some milliseconds: call it after large work."""
    gc.collect()
    libc = _libc()
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
