"""Notes what a test's own process syncs and renames, in order: no strace is needed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with each sync and each new name; folders end in a slash."""
    done: list[str] = []
    fsync, path_rename = os.fsync, Path.rename

    def noting_fsync(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        done.append(f"sync {path.name}{'/' if path.is_dir() else ''}")

    def noting_rename(path: Path, target: Any) -> Path:
        done.append(f"rename {path.name} {Path(target).name}")
        return path_rename(path, target)

    def noting(call: Any, word: str) -> Any:
        def noted(source: Any, target: Any) -> None:
            done.append(f"{word} {Path(source).name} {Path(target).name}")
            call(source, target)

        return noted

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "rename", noting_rename)
    monkeypatch.setattr(os, "replace", noting(os.replace, "rename"))
    monkeypatch.setattr(os, "link", noting(os.link, "link"))
    return done


def in_order(done: list[str], *wanted: str) -> bool:
    """Say whether all of these were done, in this order."""
    left = iter(done)
    return all(any(one == step for step in left) for one in wanted)
