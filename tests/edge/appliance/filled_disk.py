"""Fills a small disk to the last byte."""

from __future__ import annotations

from pathlib import Path


def fill_disk(folder: Path) -> None:
    """Use up every free block of the disk that holds `folder`."""
    with (folder / "filler").open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
