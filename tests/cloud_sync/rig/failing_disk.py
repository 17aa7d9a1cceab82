"""A disk whose n-th change fails, within one process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest


class FailingDisk:
    """Lets the n-th write, fsync, rename or removal fail, and counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail_at: int, error: int) -> None:
        self.count = 0
        self._fail_at, self._error = fail_at, error
        for owner, name in (
            (os, "fsync"),
            (Path, "rename"),
            (Path, "mkdir"),
            (Path, "unlink"),
            (shutil, "rmtree"),
        ):
            monkeypatch.setattr(owner, name, self._failing(getattr(owner, name)))
        real_open = Path.open
        monkeypatch.setattr(
            Path, "open", lambda *args, **named: FailingFile(real_open(*args, **named), self)
        )

    def touch(self) -> None:
        """Count a change of the disk; raise if it is the one to fail."""
        self.count += 1
        if self.count == self._fail_at:
            raise OSError(self._error, os.strerror(self._error))

    def _failing(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            self.touch()
            return real(*args, **named)

        return call


class FailingFile:
    """A file whose write may fail half-way."""

    def __init__(self, real: IO[bytes], disk: FailingDisk) -> None:
        self._real, self._disk = real, disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __enter__(self) -> FailingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()

    def write(self, content: bytes) -> int:
        try:
            self._disk.touch()
        except OSError:
            self._real.write(content[: len(content) // 2])
            raise
        return self._real.write(content)
