"""A full disk while the appliance is stopped. A script to run in its own mount namespace.

`python stopped_on_a_full_disk.py STATE JOURNAL COUNT`: mounts a small file system at STATE with
this journal and the reserve, fills it to the last byte, approves a pick, gives COUNT ratings, and
prints as JSON which of these succeeded.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from filled_disk import fill_disk

from edge.appliance.commands import Approve, Rate
from edge.appliance.decisions import execute_stopped
from edge.appliance.disk_space import RESERVE, Reserve
from edge.config import Config
from edge.journal import JOURNAL, JournalError


def main(state: Path, journal: Path, count: int) -> dict[str, object]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "greenlight", str(state)], check=True)
    shutil.copy(journal, state / JOURNAL)
    assert Reserve(state).restore()
    fill_disk(state)
    config = Config(state=state)
    try:
        approved = execute_stopped(config, Approve()).ok
    except JournalError:
        approved = False
    kept = (state / RESERVE).exists()
    rated = [execute_stopped(config, Rate(8)).ok for _ in range(count)]
    return {"approved": approved, "kept for ratings": kept, "rated": rated}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
