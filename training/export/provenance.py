"""Which code trained a model, as far as this machine knows."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec

from data.manifest import Provenance
from data.software import version

# The commit that an image was built from: it holds no repository.
COMMIT = "GREENLIGHT_COMMIT"
_ROOT = Path(__file__).parents[2]
_AT_MOST_SECONDS = 60.0


def with_code(provenance: Provenance) -> Provenance:
    """Return the provenance with this software's version and commit, if they are known."""
    return msgspec.structs.replace(
        provenance, software=version() or msgspec.UNSET, commit=_commit() or msgspec.UNSET
    )


def _commit() -> str | None:
    given = os.environ.get(COMMIT)
    if given:
        return given
    # Only a repository of this very folder: one around it says nothing of this source.
    if not (_ROOT / ".git").exists():
        return None
    head = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no")
    if not head or changes is None:
        return None
    return f"{head}+changes" if changes else head


def _git(*arguments: str) -> str | None:
    """Return what git prints, without the last line's end; None if it fails or is missing."""
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=_AT_MOST_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
