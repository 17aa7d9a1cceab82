"""The sync service's command, as its user runs it."""

from __future__ import annotations

import subprocess
import sys


def sync(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cloud_sync", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
