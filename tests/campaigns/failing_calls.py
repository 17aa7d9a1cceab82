"""Let every write, fsync, rename and removal of the device's work fail. `make failing-calls`.

python tests/campaigns/failing_calls.py [--runs N] [--seed N]
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

from rig.failing_calls import FailingCalls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="at most one a call and error")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if shutil.which("strace") is None:
        print("failing-calls needs strace: apt install strace", file=sys.stderr)
        return 1
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    began = time.monotonic()
    try:
        found = FailingCalls(folder).run(chosen.runs, chosen.seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"calls of the work: {dict(found.calls)}; seed {chosen.seed}")
    for kind, runs in sorted(found.runs.items()):
        print(f"  {runs:5d}  {kind}")
    print(
        f"{sum(found.runs.values())} runs, {found.felt} of them felt it; {len(found.broken)} broken"
        f" promises, {time.monotonic() - began:.0f} s"
    )
    for sentence in found.broken[:20]:
        print("  " + sentence)
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main())
