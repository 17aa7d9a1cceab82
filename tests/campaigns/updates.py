"""Bring new models while sync service and appliance are killed in the middle. `make updates`.

python tests/campaigns/updates.py [--bundle build/bundle] [--updates N] [--kills N] [--timeouts N]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cloud_sync"))

from rig.update_trial import UpdateTrial


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("build/bundle"))
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--timeouts", type=int, default=2, help="jobs that the cloud gives up")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="updates-"))
    trial = UpdateTrial(chosen.bundle, folder, chosen.seed)
    try:
        report = trial.run(chosen.updates, chosen.kills)
        for number in range(chosen.timeouts):
            trial.time_out(chosen.updates + 1 + 2 * number)
    finally:
        trial.close()
    print(
        f"seed {chosen.seed}: {report.updates} updates, {report.timeouts} jobs timed out,"
        f" {report.looks} looks"
    )
    for what, times in sorted(report.kills.items()):
        print(f"  {times:4d}  {what}")
    print(f"seconds: median {statistics.median(report.seconds)}, most {max(report.seconds)}")
    print(f"{len(report.broken)} broken promises")
    for sentence in report.broken:
        print("  " + sentence)
    if report.broken:
        print(f"kept in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
