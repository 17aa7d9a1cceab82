"""Crash replay at length: 10,000 power cuts. `make crash`.

python tests/campaigns/crash.py [--points N] [--seed N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cloud_sync"))

from rig.crash_replay import recorded, replay


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--ratings", type=int, default=40)
    chosen = parser.parse_args()
    if shutil.which("strace") is None:
        print("crash needs strace: apt install strace", file=sys.stderr)
        return 1
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    began = time.monotonic()
    try:
        recording, bundles = recorded(folder, chosen.rounds, chosen.ratings)
        outcome = replay(recording, bundles, folder / "crashes", chosen.points, chosen.seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{outcome.steps} steps recorded, {outcome.syncs} of them fsync; seed {chosen.seed}")
    print(f"{sum(outcome.points.values())} power cuts: {dict(outcome.points)}")
    print(f"{len(outcome.broken)} broken promises, {time.monotonic() - began:.0f} s")
    for sentence in outcome.broken[:20]:
        print("  " + sentence)
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
