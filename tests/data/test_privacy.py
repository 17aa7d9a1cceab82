"""Nothing that runs a model reports to the makers of its libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USES = {
    "edge": "from edge.search.model import warm_up; warm_up()",
    "training": (
        "from training.export.runtime import Scorer\n"
        "from edge.search.model import _SMALLEST_GRAPH\n"
        "Scorer(_SMALLEST_GRAPH)"
    ),
}


@pytest.mark.parametrize("part", sorted(USES))
def test_running_a_model_leaves_nothing_in_the_home_folder(part: str, tmp_path: Path):
    # CI switches the telemetry off by itself; an owner's device doesn't.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD"):
        ours.pop(name, None)
    subprocess.run(
        [sys.executable, "-c", USES[part]],
        env={**ours, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    assert list(tmp_path.rglob("*")) == []
