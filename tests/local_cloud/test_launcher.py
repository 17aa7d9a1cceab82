"""Starting the local cloud needs its environment, at the right version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .tool import tool


def test_without_its_environment_it_says_how_to_make_it(tmp_path: Path) -> None:
    refused = tool(
        "start",
        *("--local", str(tmp_path / "cloud")),
        GREENLIGHT_LOCAL_CLOUD_VENV=str(tmp_path / "nowhere"),
    )
    assert refused.returncode == 1
    assert "make cloud" in refused.stderr
    assert not (tmp_path / "cloud" / "endpoints.json").exists()


def test_an_emulator_of_another_version_is_refused(tmp_path: Path) -> None:
    """The launcher uses private functions of one version; this one is a later one."""
    from local_cloud import launcher

    described = tmp_path / "ministack-9.9.9.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")
    refused = subprocess.run(
        [sys.executable, launcher.__file__], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(launcher.__file__).parents[1]}"},
    )  # fmt: skip
    assert f"ministack 9.9.9 is installed, but {launcher.VERSION} is needed" in refused.stderr
    assert refused.returncode == launcher.UNSUITABLE
