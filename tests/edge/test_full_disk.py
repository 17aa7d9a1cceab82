"""On a full disk old models go first, then new picks; a rating is always taken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_a_full_disk_costs_old_models_then_picks_and_never_a_rating(supplied, rebundle, own_mounts):
    folder = supplied.config.parent / "second"
    sha256 = rebundle(folder, version=2)
    script = str(HERE / "full_disk.py")
    done = subprocess.run(
        [
            *own_mounts,
            sys.executable,
            script,
            str(supplied.state),
            str(supplied.config),
            str(folder),
            sha256,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["previous before"] == 1
    assert told["previous after"] is None
    assert told["refused press"]["ok"] is False
    assert "the disk is full" in told["refused press"]["error"]
    assert any("the disk is full" in sentence for sentence in told["status"]["attention"])
    assert told["reserve was used"]
    assert all(told["ratings"])
    assert told["in the journal"] == told["in the outbox"] == len(told["ratings"])
    assert told["attention at last"] == []
    assert told["reserve is back"]
    assert told["model at last"] == 2
