"""`greenlight-cloud local`, as the tests of several modules run it."""

from __future__ import annotations

import os
import subprocess
import sys


def tool(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", "local", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
