"""Soak: 100,000 ratings through 500 faults on real parts. `make soak SEED=7` replays a sequence.

python tests/campaigns/soak.py [--seed N] [--ratings N] [--faults N] [--keep DIR]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cloud_sync"))

from rig.trial import Trial


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ratings", type=int, default=100_000)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--keep", type=Path, help="keep the trial's folder here")
    parser.add_argument("--local-cloud", action="store_true", help="instead of mosquitto")
    chosen = parser.parse_args()
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None and not chosen.local_cloud:
        print("soak needs mosquitto: apt install mosquitto", file=sys.stderr)
        return 1
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    if chosen.local_cloud:
        from rig.local_trial import LocalTrial

        trial = LocalTrial(folder, chosen.seed, chosen.ratings, chosen.faults)
    else:
        trial = Trial(program, folder, chosen.seed, chosen.ratings, chosen.faults)
    try:
        report = trial.run()
    finally:
        trial.close()
    print(f"seed {report.seed}: {report.rated} ratings, {sum(report.faults.values())} faults")
    for kind, count in sorted(report.faults.items()):
        print(f"  {count:5d}  {kind}")
    print(
        f"confirmed {report.confirmed} ({report.by_owner} by hand), items {report.items},"
        f" objects {report.objects}, missing {report.missing}, foreign {report.foreign},"
        f" waiting {report.waiting}, restored {report.restored}"
    )
    print(f"outcomes {json.dumps(report.outcomes)}")
    print(f"{report.seconds} s, converged {report.convergence_seconds} s after the last fault")
    for key in ("rss_mib", "threads", "files") if report.usage else ():
        values = [one[key] for one in report.usage]
        print(f"{key}: first {values[0]}, most {max(values)}, last {values[-1]}")
    print("exact" if report.exact else "NOT EXACT")
    if chosen.keep is None and report.exact:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"kept in {folder}")
    return 0 if report.exact else 1


if __name__ == "__main__":
    sys.exit(main())
