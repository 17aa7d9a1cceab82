"""A completely full disk: the download fails, ratings never do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "rig" / "full_disk.py"


def test_a_download_gives_way_on_a_full_disk_and_returns_with_the_space(
    own_mounts: list[str], tmp_path: Path
) -> None:
    command = [*own_mounts, sys.executable, str(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen_in_time, write_failed = json.loads(done.stdout)
    assert "must stay free" in seen_in_time["reason"]
    assert "the disk is full" in write_failed["reason"]
    for number, outcome in enumerate((seen_in_time, write_failed), 1):
        assert outcome["left of the download"] == []
        assert outcome["ratings"] == [True] * 7
        assert outcome["again, still full"]
        assert outcome["with space"]
        assert outcome["version"] == 1 + number
        assert outcome["rated"] == 8 * number
        assert outcome["in the outbox"] == 7
